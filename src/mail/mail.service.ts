import { Inject, Injectable } from '@nestjs/common';
import crypto from 'node:crypto';
import { CONFIG, isMailOn, type Config } from '../config/config.js';
import { preferredLanguage, type Language } from '../config/languages.js';
import type { Notice } from '../config/notices.js';
import { PrismaService, type Transaction } from '../database/prisma.service.js';
import { deviceFamilyOf } from './device-family.js';
import {
  MailsRepository,
  type MailLimit,
  type MailRecord,
  type MailState,
  type NewMail,
  type WaitingMails,
} from './mails.repository.js';

export type { MailRecord };

/** What of a request a mail depends on. */
export interface MailCause {
  readonly acceptLanguage?: string | undefined;
  readonly userAgent?: string | undefined;
}

const MAILS_PER_PAGE = 500;
/** Never more than one of a kind to a user in this time. */
const NOTICE_LIMIT = { seconds: 600 } as const;

/** Writes mail in the transaction of its cause. Any process delivers it. */
@Injectable()
export class MailService {
  /** Whether there is any mail. */
  readonly isOn: boolean;

  constructor(
    @Inject(CONFIG) private readonly config: Config,
    private readonly prisma: PrismaService,
    private readonly repository: MailsRepository,
  ) {
    this.isOn = isMailOn(config);
  }

  /** The language of mail because of this request. */
  languageOf({ acceptLanguage }: MailCause): Language {
    return preferredLanguage(acceptLanguage, this.config.defaultLanguage);
  }

  /** @returns false where there is no mail, or the limit forbids it */
  async queueMail(tx: Transaction, mail: NewMail, limit?: MailLimit): Promise<boolean> {
    return this.isOn && this.repository.insertMail(tx, crypto.randomUUIDv7(), mail, limit);
  }

  /** Tells a user with a verified address what has happened, unless `MAIL_NOTICES` or {@link NOTICE_LIMIT} forbids it. */
  async queueNotice(tx: Transaction, notice: Notice, userId: string, cause: MailCause): Promise<void> {
    if (this.isTold(notice)) await this.#insertNotice(tx, notice, userId, cause);
  }

  /** {@link queueNotice} to an address that the user no longer has. The caller knows that it was verified. */
  async queueNoticeTo(tx: Transaction, notice: Notice, recipient: string, cause: MailCause): Promise<void> {
    if (!this.isTold(notice)) return;
    await this.queueMail(tx, { template: notice, recipient, language: this.languageOf(cause) }, NOTICE_LIMIT);
  }

  /** Tells of a login from a new device. */
  async queueUnknownDevice(userId: string, cause: MailCause): Promise<void> {
    await this.#insertNotice(this.prisma, 'unknown_device', userId, cause);
  }

  /** The mails of a user in the order of writing, after the given one; at most `size`. They are kept for a day. */
  listMailsAfter(after: MailRecord | undefined, userId: string, size: number): Promise<MailRecord[]> {
    return this.repository.listMailsAfter(after?.id, userId, size);
  }

  /** The mails of the last day and those that wait, or of them those to an address in any case, the newest first. */
  async *listMails(recipient?: string): AsyncGenerator<MailState> {
    let before: string | undefined;
    do {
      const page = await this.repository.listMailsBefore(before, recipient, MAILS_PER_PAGE);
      yield* page;
      before = page.length === MAILS_PER_PAGE ? page.at(-1)?.id : undefined;
    } while (before !== undefined);
  }

  /** Mail to an address that a mail server has refused for good is tried again. */
  endRefusals(tx: Transaction, recipient: string): Promise<void> {
    return this.repository.endRefusals(tx, recipient);
  }

  /** Mails that are not sent yet. */
  readWaiting(): Promise<WaitingMails> {
    return this.repository.readWaiting();
  }

  /** Whether users are told of this by mail. */
  isTold(notice: Notice): boolean {
    return this.isOn && this.config.mailNotices.includes(notice);
  }

  #insertNotice(
    tx: Pick<Transaction, '$executeRaw'>,
    template: Notice,
    userId: string,
    cause: MailCause,
  ): Promise<void> {
    const details = template === 'unknown_device' ? deviceFamilyOf(cause.userAgent) : {};
    const notice = { id: crypto.randomUUIDv7(), userId, template, language: this.languageOf(cause), details };
    return this.repository.insertNotice(tx, notice, NOTICE_LIMIT);
  }
}
