import { Inject, Injectable } from '@nestjs/common';
import { AuditService } from '../audit/audit.service.js';
import { CONFIG, type Config } from '../config/config.js';
import type { Transaction } from '../database/prisma.service.js';
import type { ClientInfo } from '../http/client-info.js';
import { MailRequestsService } from '../mail/mail-requests.service.js';
import { MailService } from '../mail/mail.service.js';
import { TOKEN_TTL_SECONDS } from '../one-time-tokens/one-time-token.js';
import { OneTimeTokensService } from '../one-time-tokens/one-time-tokens.service.js';
import type { Credential } from '../users/credential.js';

const DAY_SECONDS = 86_400;
/** Of the mail to the old address at a request: its owner is told at once, and not each time. */
const REQUEST_MAIL_LIMIT = { seconds: 120, perHour: 6 } as const;

/**
 * Changes of address that are not confirmed yet, and the links by which the owner of the old address can undo them. The caller holds the
 * user's row locked. An address that was never verified gets no such link: it may be a stranger's, who would get the account by it.
 */
@Injectable()
export class PendingEmailChangesService {
  readonly #undoSeconds: number;

  constructor(
    @Inject(CONFIG) config: Config,
    private readonly tokens: OneTimeTokensService,
    private readonly requests: MailRequestsService,
    private readonly mail: MailService,
    private readonly audit: AuditService,
  ) {
    this.#undoSeconds = config.emailUndoDays * DAY_SECONDS;
  }

  /** Tells the old address at once; the new one by the job that looks whether it is taken. */
  async addEmailChange(tx: Transaction, user: Credential, newEmail: string, client: ClientInfo): Promise<void> {
    const { id: userId } = user;
    if (newEmail === user.email) return;
    const ttlSeconds = TOKEN_TTL_SECONDS.email_change;
    const tokenId = await this.tokens.provideToken(tx, {
      purpose: 'email_change',
      userId,
      email: newEmail,
      ttlSeconds,
    });
    await tx.$executeRaw(this.requests.requestInsertSql({ purpose: 'email_change', email: newEmail, tokenId }, client));
    await this.audit.recordEvent(tx, { event: 'email_change_requested', by: client, userId });
    await this.#mailUndoLink(tx, user, newEmail, 'email_change_requested', client);
  }

  /** Mails the undo link to the address that the user had, which it reserves from now on. @returns false where there is none */
  tellOldAddress(tx: Transaction, before: Credential, newEmail: string, client: ClientInfo): Promise<boolean> {
    return this.#mailUndoLink(tx, before, newEmail, 'email_changed', client);
  }

  async #mailUndoLink(
    tx: Transaction,
    { id: userId, email, emailVerified }: Credential,
    newEmail: string,
    template: 'email_change_requested' | 'email_changed',
    client: ClientInfo,
  ): Promise<boolean> {
    const isSame = newEmail.toLowerCase() === email.toLowerCase();
    if (!emailVerified || isSame || this.#undoSeconds === 0) return false;
    const undo = { purpose: 'email_undo', userId, email, ttlSeconds: this.#undoSeconds } as const;
    const live = await this.tokens.findLiveToken(tx, undo);
    if (live !== undefined) await this.tokens.extendToken(tx, live.id, this.#undoSeconds);
    const tokenId = live?.id ?? (await this.tokens.addToken(tx, undo));
    const mail = { template, recipient: email, language: this.mail.languageOf(client), userId, tokenId };
    await this.mail.queueMail(tx, mail, template === 'email_changed' ? undefined : REQUEST_MAIL_LIMIT);
    return true;
  }
}
