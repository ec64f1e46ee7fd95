import { Injectable } from '@nestjs/common';
import { Prisma, PrismaService, type Transaction } from '../database/prisma.service.js';
import { purgeNextRows, type PurgeQuery } from '../jobs/purge-in-batches.js';
import type { NewOneTimeToken, OneTimeToken, PendingRegistration, TokenPurpose } from './one-time-token.js';
import { TOKEN_TTL_SECONDS } from './one-time-token.js';

const COLUMNS = Prisma.sql`id, purpose::text, user_id AS "userId", email, created_at AS "createdAt", expires_at AS "expiresAt"`;
const IS_LIVE = Prisma.sql`used_at IS NULL AND expires_at > now()`;

/** A token and what has become of it. */
export interface PresentedToken extends OneTimeToken {
  readonly state: 'live' | 'used' | 'expired';
}

/** A link, as its user may see it: the id alone opens nothing. */
export interface LinkRecord extends Pick<OneTimeToken, 'id' | 'purpose' | 'email' | 'createdAt' | 'expiresAt'> {
  readonly usedAt: Date | null;
}

/** By the database's clock throughout. */
@Injectable()
export class OneTimeTokensRepository {
  constructor(private readonly prisma: PrismaService) {}

  async insertToken(tx: Transaction, { id, purpose, userId, email, ttlSeconds }: NewOneTimeToken): Promise<void> {
    await tx.$executeRaw`
      INSERT INTO one_time_tokens (id, purpose, user_id, email, email_lower, created_at, expires_at)
      VALUES (${id}::uuid, ${purpose}::one_time_token_purpose, ${userId}::uuid, ${email}, ${email.toLowerCase()},
              clock_timestamp(), now() + make_interval(secs => ${ttlSeconds}::int))`;
  }

  /** An INSERT as a part of one statement. */
  registrationInsertSql({ id, email, passwordHash, profile }: PendingRegistration): Prisma.Sql {
    return Prisma.sql`
      INSERT INTO one_time_tokens (id, purpose, email, email_lower, password_hash, profile, expires_at)
      VALUES (${id}::uuid, 'registration', ${email}, ${email.toLowerCase()}, ${passwordHash}, ${JSON.stringify(profile)}::jsonb,
              now() + make_interval(secs => ${TOKEN_TTL_SECONDS.registration}::int))`;
  }

  async findToken(purpose: TokenPurpose, id: string): Promise<PresentedToken | undefined> {
    const [row] = await this.prisma.$queryRaw<PresentedToken[]>`
      SELECT ${COLUMNS}, CASE WHEN used_at IS NOT NULL THEN 'used' WHEN expires_at <= now() THEN 'expired' ELSE 'live' END AS state
      FROM one_time_tokens WHERE id = ${id}::uuid AND purpose = ${purpose}::one_time_token_purpose`;
    return row;
  }

  /** What a live registration needs to become a user. */
  async findRegistration(id: string): Promise<PendingRegistration | undefined> {
    const [row] = await this.prisma.$queryRaw<PendingRegistration[]>`
      SELECT id, email, password_hash AS "passwordHash", profile FROM one_time_tokens
      WHERE id = ${id}::uuid AND purpose = 'registration' AND ${IS_LIVE}`;
    return row;
  }

  listLinksAfter(after: string | undefined, userId: string, size: number): Promise<LinkRecord[]> {
    const isAfter = after === undefined ? Prisma.sql`true` : Prisma.sql`t.id > ${after}::uuid`;
    return this.prisma.$queryRaw<LinkRecord[]>`
      SELECT t.id, t.purpose::text, t.email, t.created_at AS "createdAt", t.expires_at AS "expiresAt", t.used_at AS "usedAt"
      FROM one_time_tokens t WHERE t.user_id = ${userId}::uuid AND ${isAfter} ORDER BY t.user_id, t.id LIMIT ${size}`;
  }

  async findLiveById(tx: Transaction, id: string): Promise<OneTimeToken | undefined> {
    const [row] = await tx.$queryRaw<OneTimeToken[]>`
      SELECT ${COLUMNS} FROM one_time_tokens WHERE id = ${id}::uuid AND ${IS_LIVE}`;
    return row;
  }

  async findNewestRegistration(tx: Transaction, email: string): Promise<string | undefined> {
    const [row] = await tx.$queryRaw<{ id: string }[]>`
      SELECT id FROM one_time_tokens
      WHERE email_lower = ${email.toLowerCase()} AND purpose = 'registration' AND ${IS_LIVE}
      ORDER BY created_at DESC, id DESC LIMIT 1`;
    return row?.id;
  }

  /** The user's live token for this address with the most time left, which is more than this. */
  async findLiveToken(
    tx: Transaction,
    { userId, purpose, email }: Pick<NewOneTimeToken, 'userId' | 'purpose' | 'email'>,
    leftSeconds: number,
  ): Promise<OneTimeToken | undefined> {
    const [row] = await tx.$queryRaw<OneTimeToken[]>`
      SELECT ${COLUMNS} FROM one_time_tokens
      WHERE user_id = ${userId}::uuid AND purpose = ${purpose}::one_time_token_purpose AND email_lower = ${email.toLowerCase()}
            AND used_at IS NULL AND expires_at > now() + make_interval(secs => ${leftSeconds}::int)
      ORDER BY expires_at DESC LIMIT 1`;
    return row;
  }

  /** @returns whether it was live until now: of any number of uses at once, one is */
  async useToken(tx: Transaction, id: string): Promise<boolean> {
    const count =
      await tx.$executeRaw`UPDATE one_time_tokens SET used_at = now() WHERE id = ${id}::uuid AND ${IS_LIVE}`;
    return count === 1;
  }

  /**
   * Ends the user's tokens of these purposes, but not those made before the given one: by the time of the database at which each was made
   * under the lock of the user's row. (Ids have the clocks of the nodes.)
   */
  async endTokens(tx: Transaction, userId: string, purposes: readonly TokenPurpose[], since?: string): Promise<void> {
    const isLater =
      since === undefined
        ? Prisma.sql`true`
        : Prisma.sql`created_at >= (SELECT created_at FROM one_time_tokens WHERE id = ${since}::uuid)`;
    await tx.$executeRaw`
      UPDATE one_time_tokens SET used_at = now()
      WHERE user_id = ${userId}::uuid AND purpose = ANY(${[...purposes]}::one_time_token_purpose[]) AND used_at IS NULL AND ${isLater}`;
  }

  async lockRegistrations(tx: Transaction, email: string): Promise<void> {
    await tx.$queryRaw`
      SELECT id FROM one_time_tokens WHERE email_lower = ${email.toLowerCase()} AND purpose = 'registration' ORDER BY id FOR UPDATE`;
  }

  /** Ends all registrations of the address. */
  async endRegistrations(tx: Transaction, email: string): Promise<void> {
    await tx.$executeRaw`
      UPDATE one_time_tokens SET used_at = now()
      WHERE email_lower = ${email.toLowerCase()} AND purpose = 'registration' AND used_at IS NULL`;
  }

  /** Ends the live registrations of the address but the newest ones. */
  async keepNewestRegistrations(tx: Transaction, email: string, kept: number): Promise<void> {
    await tx.$executeRaw`
      UPDATE one_time_tokens SET used_at = now() WHERE id = ANY(ARRAY(
        SELECT id FROM one_time_tokens
        WHERE email_lower = ${email.toLowerCase()} AND purpose = 'registration' AND used_at IS NULL
        ORDER BY created_at DESC, id DESC OFFSET ${kept}))`;
  }

  /** @returns how many of these purposes were live */
  endTokensOfAllUsers(purposes: readonly TokenPurpose[]): Promise<number> {
    return this.prisma.$executeRaw`
      UPDATE one_time_tokens SET used_at = now()
      WHERE purpose = ANY(${[...purposes]}::one_time_token_purpose[]) AND ${IS_LIVE}`;
  }

  async deleteToken(tx: Transaction, id: string): Promise<void> {
    await tx.$executeRaw`DELETE FROM one_time_tokens WHERE id = ${id}::uuid`;
  }

  async extendToken(tx: Transaction, id: string, ttlSeconds: number): Promise<void> {
    await tx.$executeRaw`
      UPDATE one_time_tokens SET expires_at = greatest(expires_at, now() + make_interval(secs => ${ttlSeconds}::int))
      WHERE id = ${id}::uuid`;
  }

  /** Deletes those of the next batch that have been over for a day. */
  purgeTokenBatch(query: PurgeQuery, after: string | undefined): Promise<string | undefined> {
    const isOver = Prisma.sql`least(used_at, expires_at) < now() - interval '1 day'`;
    return purgeNextRows(query, { table: 'one_time_tokens', key: 'id', type: 'uuid', isOver }, after);
  }
}
