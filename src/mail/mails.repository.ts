import { Injectable } from '@nestjs/common';
import { Prisma, PrismaService, type Transaction } from '../database/prisma.service.js';
import { purgeNextRows, type PurgeQuery } from '../jobs/purge-in-batches.js';
import type { Language } from '../config/languages.js';
import type { OneTimeToken } from '../one-time-tokens/one-time-token.js';
import type { DeviceFamily } from './device-family.js';
import type { MailTemplate } from './mail-templates.js';

/** A mail to be sent. */
export interface NewMail {
  readonly template: MailTemplate;
  readonly recipient: string;
  readonly language: Language;
  readonly userId?: string | undefined;
  /** Of its link. */
  readonly tokenId?: string | undefined;
  readonly details?: DeviceFamily | undefined;
}

/** How many mails of its kind there may be to its recipient. */
export interface MailLimit {
  /** At most one in this time. */
  readonly seconds: number;
  /** At most this many in an hour. */
  readonly perHour?: number;
  /** Whether both count the mails with this link alone, so that a stranger with another one cannot use them up. */
  readonly isByLink?: true;
  /** At most this many in an hour with any link. */
  readonly perHourInAll?: number;
}

/** A mail that this process has taken to send. */
export interface ClaimedMail {
  readonly id: string;
  readonly template: MailTemplate;
  readonly recipient: string;
  readonly language: Language;
  readonly userId: string | null;
  readonly details: DeviceFamily;
  readonly createdAt: Date;
  /** This one included. */
  readonly attempts: number;
  /** The live token of its link; null without one, when it is over, or when its user is gone. */
  readonly token: (Pick<OneTimeToken, 'id' | 'purpose'> & { readonly expiresAt: string }) | null;
  /** Whether the mail server has refused this recipient for good within a day. */
  readonly isRefused: boolean;
}

/** A mail, as its user may see it. */
export interface MailRecord extends Pick<NewMail, 'template' | 'recipient' | 'language'> {
  readonly id: string;
  readonly createdAt: Date;
  readonly doneAt: Date | null;
  readonly outcome: MailOutcome | null;
}

/** A mail, as an operator may see it: without its text and link. */
export interface MailState extends Pick<NewMail, 'template' | 'recipient'> {
  readonly id: string;
  readonly createdAt: Date;
  readonly attempts: number;
  /** Null while it waits. */
  readonly outcome: MailOutcome | null;
  /** Of a failed one: the reply code and enhanced status of the mail server, or why it was not tried. */
  readonly failure: string | null;
}

export interface WaitingMails {
  readonly count: number;
  /** Since the oldest was written. */
  readonly oldestSeconds: number;
}

/** What becomes of a mail that is not tried again. */
export type MailOutcome = 'sent' | 'failed' | 'outdated';

/** Waiting mails that are counted for the metrics: a backlog of any size costs the same. */
const MOST_COUNTED = 1000;

@Injectable()
export class MailsRepository {
  constructor(private readonly prisma: PrismaService) {}

  /** @returns false where the limit forbids it */
  async insertMail(
    tx: Pick<Transaction, '$executeRaw'>,
    id: string,
    mail: NewMail,
    limit?: MailLimit,
  ): Promise<boolean> {
    const { template, recipient, language, userId = null, tokenId = null, details = {} } = mail;
    const count = await tx.$executeRaw`
      INSERT INTO mails (id, template, token_id, user_id, recipient, recipient_lower, language, details)
      SELECT ${id}::uuid, ${template}, ${tokenId}::uuid, ${userId}::uuid, ${recipient}, ${recipient.toLowerCase()},
             ${language}, ${JSON.stringify(details)}::jsonb
      WHERE ${isWithinSql(mail, limit)}`;
    return count === 1;
  }

  /**
   * {@link insertMail} to a user whose address is verified, as the row has it now. Takes no lock, so that the limit may be exceeded by
   * mails that are written at the same moment.
   */
  async insertNotice(
    tx: Pick<Transaction, '$executeRaw'>,
    {
      id,
      userId,
      template,
      language,
      details = {},
    }: Omit<NewMail, 'recipient' | 'tokenId' | 'userId'> & { readonly id: string; readonly userId: string },
    limit: MailLimit,
  ): Promise<void> {
    await tx.$executeRaw`
      INSERT INTO mails (id, template, user_id, recipient, recipient_lower, language, details)
      SELECT ${id}::uuid, ${template}, u.id, u.email, u.email_lower, ${language}, ${JSON.stringify(details)}::jsonb
      FROM users u WHERE u.id = ${userId}::uuid AND u.email_verified_at IS NOT NULL AND NOT EXISTS (
        SELECT FROM mails m WHERE m.recipient_lower = u.email_lower AND m.template = ${template}
               AND m.created_at > now() - make_interval(secs => ${limit.seconds}::int))`;
  }

  /**
   * Takes the mail that has waited longest, for `leaseSeconds`: the statement is committed before anything is sent, and another process
   * tries again if this one does not come back. Skips what others take at the same moment.
   */
  async claimDueMail(leaseSeconds: number): Promise<ClaimedMail | undefined> {
    const [row] = await this.prisma.$queryRaw<ClaimedMail[]>`
      WITH due AS MATERIALIZED (
        SELECT id FROM mails WHERE available_at <= now() ORDER BY available_at LIMIT 1 FOR UPDATE SKIP LOCKED
      ), claimed AS (
        UPDATE mails SET available_at = now() + make_interval(secs => ${leaseSeconds}::int), attempts = attempts + 1
        WHERE id = ANY(ARRAY(SELECT id FROM due)) RETURNING *
      )
      SELECT c.id, c.template, c.recipient, c.language, c.user_id AS "userId", c.details, c.created_at AS "createdAt", c.attempts,
             CASE WHEN t.id IS NOT NULL THEN
               jsonb_build_object('id', t.id, 'purpose', t.purpose, 'expiresAt', t.expires_at) END AS token,
             EXISTS (SELECT FROM mails f WHERE f.recipient_lower = c.recipient_lower AND f.outcome = 'failed' AND f.failure LIKE '5%'
                     AND f.created_at > now() - interval '2 days' AND f.done_at > now() - interval '1 day') AS "isRefused"
      FROM claimed c LEFT JOIN one_time_tokens t ON t.id = c.token_id AND t.used_at IS NULL AND t.expires_at > now()`;
    return row;
  }

  /** @returns false for a mail that is done already, which stays as it is: another process may have sent it, too */
  async finishMail(
    tx: Pick<Transaction, '$executeRaw'>,
    id: string,
    outcome: MailOutcome,
    failure: string | null = null,
  ): Promise<boolean> {
    const count = await tx.$executeRaw`
      UPDATE mails SET outcome = ${outcome}::mail_outcome, done_at = now(), available_at = NULL, failure = ${failure}
      WHERE id = ${id}::uuid AND outcome IS NULL`;
    return count === 1;
  }

  async retryMail(id: string, delaySeconds: number): Promise<void> {
    await this.prisma.$executeRaw`
      UPDATE mails SET available_at = now() + make_interval(secs => ${delaySeconds}::float8)
      WHERE id = ${id}::uuid AND outcome IS NULL`;
  }

  /** Those that have waited for a week, as after a restore, or when there was no mail server for so long. */
  async giveUpOldMails(tx: Pick<Transaction, '$executeRaw'>): Promise<void> {
    await tx.$executeRaw`
      UPDATE mails SET outcome = 'outdated', done_at = now(), available_at = NULL
      WHERE available_at < now() + interval '1 day' AND created_at < now() - interval '7 days'`;
  }

  listMailsAfter(after: string | undefined, userId: string, size: number): Promise<MailRecord[]> {
    const isAfter = after === undefined ? Prisma.sql`true` : Prisma.sql`m.id > ${after}::uuid`;
    return this.prisma.$queryRaw<MailRecord[]>`
      SELECT m.id, m.template, m.recipient, m.language, m.created_at AS "createdAt", m.done_at AS "doneAt", m.outcome::text
      FROM mails m WHERE m.user_id = ${userId}::uuid AND ${isAfter} ORDER BY m.user_id, m.id LIMIT ${size}`;
  }

  /** A page of all mails, or of those to an address in any case, the newest first, after the given one. */
  listMailsBefore(before: string | undefined, recipient: string | undefined, size: number): Promise<MailState[]> {
    const isBefore = before === undefined ? Prisma.sql`true` : Prisma.sql`m.id < ${before}::uuid`;
    const isTo =
      recipient === undefined ? Prisma.sql`true` : Prisma.sql`m.recipient_lower = ${recipient.toLowerCase()}`;
    return this.prisma.$queryRaw<MailState[]>`
      SELECT m.id, m.template, m.recipient, m.created_at AS "createdAt", m.attempts, m.outcome::text, m.failure
      FROM mails m WHERE ${isTo} AND ${isBefore} ORDER BY m.id DESC LIMIT ${size}`;
  }

  /** Mail to an address that a mail server has refused for good is tried again. */
  async endRefusals(tx: Pick<Transaction, '$executeRaw'>, recipient: string): Promise<void> {
    await tx.$executeRaw`
      UPDATE mails SET failure = 'ended by an operator: ' || failure
      WHERE recipient_lower = ${recipient.toLowerCase()} AND created_at > now() - interval '2 days'
            AND outcome = 'failed' AND failure LIKE '5%'`;
  }

  /** Of the {@link MOST_COUNTED} that are due first. */
  async readWaiting(): Promise<WaitingMails> {
    const [row] = await this.prisma.$queryRaw<WaitingMails[]>`
      WITH waiting AS MATERIALIZED (
        SELECT created_at FROM mails WHERE available_at IS NOT NULL ORDER BY available_at LIMIT ${MOST_COUNTED}
      )
      SELECT count(*)::int AS count, coalesce(extract(epoch FROM now() - min(created_at)), 0)::float8 AS "oldestSeconds"
      FROM waiting`;
    return row ?? { count: 0, oldestSeconds: 0 };
  }

  /** Deletes those of the next batch that were done a day ago. */
  purgeMailBatch(query: PurgeQuery, after: string | undefined): Promise<string | undefined> {
    const isOver = Prisma.sql`done_at < now() - interval '1 day'`;
    return purgeNextRows(query, { table: 'mails', key: 'id', type: 'uuid', isOver }, after);
  }
}

function isWithinSql(mail: NewMail, limit: MailLimit | undefined): Prisma.Sql {
  if (limit === undefined) return Prisma.sql`true`;
  const { template, recipient, tokenId = null } = mail;
  const { seconds, perHour, isByLink = false, perHourInAll } = limit;
  const recent = (since: number, isCounted = Prisma.sql`true`) => Prisma.sql`
    SELECT FROM mails m WHERE m.recipient_lower = ${recipient.toLowerCase()} AND m.template = ${template} AND ${isCounted}
           AND m.created_at > now() - make_interval(secs => ${since}::int)`;
  const counted = isByLink ? Prisma.sql`m.token_id = ${tokenId}::uuid` : Prisma.sql`true`;
  const conditions = [Prisma.sql`NOT EXISTS (${recent(seconds, counted)})`];
  if (perHour !== undefined) conditions.push(Prisma.sql`NOT EXISTS (${recent(3600, counted)} OFFSET ${perHour - 1})`);
  if (perHourInAll !== undefined) conditions.push(Prisma.sql`NOT EXISTS (${recent(3600)} OFFSET ${perHourInAll - 1})`);
  return Prisma.join(conditions, ' AND ');
}
