import { Inject, Injectable, Logger, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { setTimeout as pause } from 'node:timers/promises';
import { AuditService } from '../audit/audit.service.js';
import { CONFIG, type Config } from '../config/config.js';
import { thrownText } from '../config/thrown-text.js';
import { PrismaService } from '../database/prisma.service.js';
import { BackgroundJobs } from '../jobs/background-jobs.js';
import { OneTimeTokensService } from '../one-time-tokens/one-time-tokens.service.js';
import { MailError } from './mail-error.js';
import { mailLink } from './mail-links.js';
import { mailTextOf } from './mail-text.js';
import type { MailTransport } from './mail-transport.js';
import { MailsRepository, type ClaimedMail, type MailOutcome } from './mails.repository.js';
import { openMailTransport } from './open-mail-transport.js';
import { isTemplate, needsLink } from './mail-templates.js';
import { requireKnownNames } from './render-mail.js';
import { MAX_CONNECTIONS, MAX_SENDING_MS } from './smtp-transport.js';

const INTERVAL_SECONDS = 1;
/** Longer than a mail may take, so that no other process sends it at the same time. */
const LEASE_SECONDS = MAX_SENDING_MS / 1000 + 30;
const FIRST_DELAY_SECONDS = 5;
const MAX_DELAY_SECONDS = 900;
/** At the shutdown. What is under way then is sent again by another process, with the same `Message-ID`. */
const MAX_WAIT_MS = 2000;

/** The delay before the next attempt, doubled with each and with a jitter of a fifth either way. */
export function retryDelaySeconds(attempts: number): number {
  const delay = Math.min(FIRST_DELAY_SECONDS * 2 ** (attempts - 1), MAX_DELAY_SECONDS);
  return delay * (0.8 + 0.4 * Math.random());
}

/**
 * Delivers the mail of all processes, each mail at least once (REC-11): it is taken by a committed statement, sent, and then marked. A mail
 * that was sent by a process which ended before it was marked is sent again. Trouble with the mail server delays mail and nothing else (FLT-20).
 */
@Injectable()
export class MailDeliveryService implements OnModuleInit, OnModuleDestroy {
  readonly #log = new Logger('Mail');
  readonly #transport: MailTransport | undefined;
  readonly #underWay = new Set<Promise<void>>();
  readonly #counts = { sent: 0, failed: 0, outdated: 0 };
  readonly #attempts = { accepted: 0, refused: 0, failed: 0 };
  #isEnding = false;
  #lastTrouble: string | undefined;

  constructor(
    @Inject(CONFIG) private readonly config: Config,
    private readonly prisma: PrismaService,
    private readonly repository: MailsRepository,
    private readonly tokens: OneTimeTokensService,
    private readonly audit: AuditService,
    jobs: BackgroundJobs,
  ) {
    this.#transport = openMailTransport(config);
    if (this.#transport !== undefined)
      jobs.addRecurringJob(INTERVAL_SECONDS, 'deliver mail', async () => void (await this.startDeliveries()));
  }

  /** @throws {Error} for a text with a name that nothing fills */
  onModuleInit(): void {
    requireKnownNames();
  }

  /** Mails by what became of them, since the start. */
  outcomeCounts(): Readonly<Record<MailOutcome, number>> {
    return { ...this.#counts };
  }

  /** Attempts to send a mail, since the start: accepted by the mail server, refused for good, or failed and tried again. */
  attemptCounts(): Readonly<Record<'accepted' | 'refused' | 'failed', number>> {
    return { ...this.#attempts };
  }

  /** Takes mails that are due, up to the number of connections, and does not wait for them. @returns how many it took */
  async startDeliveries(): Promise<number> {
    let taken = 0;
    while (!this.#isEnding && this.#underWay.size < MAX_CONNECTIONS) {
      const claim = this.repository.claimDueMail(LEASE_SECONDS);
      // Counted before it is known whether there is a mail: this runs more than once at a time.
      const delivery: Promise<void> = claim
        .then((mail) => (mail === undefined ? undefined : this.#deliver(mail)))
        .catch(() => undefined)
        .finally(() => this.#underWay.delete(delivery));
      this.#underWay.add(delivery);
      if ((await claim) === undefined) break;
      taken++;
      // The next one at once; an error is one of the job's next run.
      delivery.then(() => this.startDeliveries()).catch(() => undefined);
    }
    return taken;
  }

  /** Delivers what is due, and waits until it is done. */
  async deliverDueMail(): Promise<void> {
    let taken: number;
    do {
      taken = await this.startDeliveries();
      await Promise.allSettled(this.#underWay);
    } while (taken > 0 || this.#underWay.size > 0);
  }

  async onModuleDestroy(): Promise<void> {
    this.#isEnding = true;
    const done = new AbortController();
    const late = pause(MAX_WAIT_MS, undefined, { signal: done.signal }).catch(() => undefined);
    await Promise.race([Promise.allSettled(this.#underWay), late]);
    done.abort();
    this.#transport?.close();
  }

  /** Never rejects: what cannot be marked is tried again when its lease is over. */
  async #deliver(mail: ClaimedMail): Promise<void> {
    try {
      if (!isTemplate(mail.template)) return await this.#postpone(mail, 'unknown template');
      if (mail.token === null && needsLink(mail.template)) return await this.#finish(mail, 'outdated');
      if (mail.isRefused) return await this.#finish(mail, 'failed', 'refused before');
      await this.#send(mail);
    } catch (error) {
      this.#log.warn({ event: 'mail_not_marked', mail: mail.id, err: error });
    }
  }

  async #send(mail: ClaimedMail): Promise<void> {
    const { language, token, template } = mail;
    const link = token === null ? '' : mailLink(this.config, token.purpose, this.tokens.encodeToken(token), language);
    try {
      const outcome = await this.#transport?.sendMail(mailTextOf(mail, this.config, link));
      this.#logRecovery();
      // With a mail server this is its answer, which may name the recipient.
      if (this.config.smtpUrl === undefined) this.#log.log({ event: 'mail_written', template, msg: outcome });
    } catch (error) {
      if (error instanceof MailError && error.isFinal) {
        this.#attempts.refused++;
        const status = error.status ?? 'not possible';
        return this.#finish(mail, 'failed', error.isOfRecipient ? status : `this mail ${status}`);
      }
      this.#attempts.failed++;
      this.#logTrouble(error);
      return this.#postpone(mail, 'too many attempts');
    }
    this.#attempts.accepted++;
    await this.#finish(mail, 'sent');
  }

  /** Of a later version, if its template is unknown: a node that knows it may be there. */
  async #postpone(mail: ClaimedMail, failure: string): Promise<void> {
    const { id, attempts } = mail;
    if (attempts >= this.config.mailMaxAttempts) await this.#finish(mail, 'failed', failure);
    else await this.repository.retryMail(id, retryDelaySeconds(attempts));
  }

  async #finish({ id, template, userId }: ClaimedMail, outcome: MailOutcome, failure?: string): Promise<void> {
    const isChanged = await this.prisma.transaction(async (tx) => {
      const isFirst = await this.repository.finishMail(tx, id, outcome, failure ?? null);
      if (!isFirst || failure === undefined) return isFirst;
      const details = { mail: id, template, failure };
      await this.audit.recordEvent(tx, {
        event: 'mail_failed',
        by: 'system',
        details,
        ...(userId !== null && { userId }),
      });
      return true;
    });
    if (isChanged) this.#counts[outcome]++;
  }

  #logRecovery(): void {
    if (this.#lastTrouble === undefined) return;
    this.#lastTrouble = undefined;
    this.#log.log({ event: 'mail_recovered', msg: 'The mail server accepts mail again.' });
  }

  /** Once while it stays the same. */
  #logTrouble(error: unknown): void {
    const trouble = thrownText(error);
    if (trouble !== this.#lastTrouble) this.#log.warn({ event: 'mail_delayed', msg: trouble });
    this.#lastTrouble = trouble;
  }
}
