import { Injectable } from '@nestjs/common';
import { Prisma, PrismaService, type Transaction } from '../database/prisma.service.js';
import { purgeNextRows, type PurgeQuery } from '../jobs/purge-in-batches.js';
import type { SessionClient } from './session-client.js';
import { EXACT_COUNT_FROM, SessionLimits } from './session-limits.js';

const ROWS_PER_BATCH = 1000;
const LOWEST_ID = '00000000-0000-0000-0000-000000000000';

export interface SessionRow extends SessionClient {
  readonly id: string;
  readonly createdAt: Date;
  readonly refreshedAt: Date;
}

/** All that is kept of a session and of interest to its user. */
export interface SessionRecord extends SessionRow {
  readonly endedAt: Date | null;
}

/** A session to be started for a user whose row has this password hash and version. */
export interface NewSession extends SessionClient {
  readonly id: string;
  readonly userId: string;
  readonly passwordHash: string;
  readonly version: number;
}

/** Ids as the database writes them; a request may spell a UUID in capitals. */
export interface EndedSession {
  readonly sessionId: string;
  readonly userId: string;
}

@Injectable()
export class SessionsRepository {
  constructor(
    private readonly prisma: PrismaService,
    private readonly limits: SessionLimits,
  ) {}

  /** In SQL, so that the timestamps come from the database's clock: Prisma would send the node's. */
  async insertSession(
    tx: Transaction,
    { id, userId, userAgent, network }: Omit<NewSession, 'passwordHash' | 'version'>,
  ): Promise<void> {
    await tx.$executeRaw`
      INSERT INTO sessions (id, user_id, user_agent, network)
      VALUES (${id}::uuid, ${userId}::uuid, ${userAgent}, ${network})`;
  }

  /**
   * Inserts a session in one statement, without a transaction, if all of this holds: the user exists, is
   * enabled, still has the password hash and the version, has fewer than {@link EXACT_COUNT_FROM} live sessions, and nobody
   * else has the user's row locked.
   * @param insertEventSql an INSERT that belongs to it, given the name of the CTE that has a row
   *   only if the session was inserted
   * @returns false when nothing was written
   */
  async insertSessionIfAllowed(
    { id, userId, passwordHash, version, userAgent, network }: NewSession,
    insertEventSql: (cte: string) => Prisma.Sql,
  ): Promise<boolean> {
    const rows = await this.prisma.$queryRaw<unknown[]>`
      WITH allowed_user AS MATERIALIZED (
        SELECT u.id FROM users u
        WHERE u.id = ${userId}::uuid AND u.password_hash = ${passwordHash} AND u.version = ${version}
              AND u.disabled_at IS NULL
        FOR NO KEY UPDATE SKIP LOCKED
      ), started AS (
        INSERT INTO sessions (id, user_id, user_agent, network)
        SELECT ${id}::uuid, allowed_user.id, ${userAgent}, ${network} FROM allowed_user
        WHERE NOT EXISTS (
          SELECT FROM sessions s
          WHERE s.user_id = ${userId}::uuid AND ${this.limits.isLiveSql()} OFFSET ${EXACT_COUNT_FROM - 1})
        RETURNING id
      ), event AS (${insertEventSql('started')})
      SELECT id::text FROM started`;
    return rows.length === 1;
  }

  /**
   * Ends a session, only of this user if one is given. A session past its limits is ended too: it may
   * still have a valid access token.
   * @returns undefined when no session has this id or it has ended already
   */
  async markSessionEnded(tx: Transaction, id: string, userId?: string): Promise<EndedSession | undefined> {
    const isTheirs = userId === undefined ? Prisma.sql`true` : Prisma.sql`s.user_id = ${userId}::uuid`;
    const [ended] = await tx.$queryRaw<EndedSession[]>`
      UPDATE sessions s SET ended_at = now() WHERE s.id = ${id}::uuid AND ${isTheirs} AND s.ended_at IS NULL
      RETURNING s.id::text AS "sessionId", s.user_id::text AS "userId"`;
    return ended;
  }

  /** Ends the user's sessions except the kept one. @returns the ids of those it ended */
  async markUserSessionsEnded(tx: Transaction, userId: string, keptId: string | null): Promise<string[]> {
    const rows = await tx.$queryRaw<{ id: string }[]>`
      UPDATE sessions SET ended_at = now()
      WHERE user_id = ${userId}::uuid AND ended_at IS NULL AND id IS DISTINCT FROM ${keptId}::uuid
      RETURNING id`;
    return rows.map(({ id }) => id);
  }

  async isUnended(tx: Transaction, id: string): Promise<boolean> {
    const rows = await tx.$queryRaw<unknown[]>`
      SELECT 1 FROM sessions s WHERE s.id = ${id}::uuid AND ${this.limits.isLiveSql()}`;
    return rows.length > 0;
  }

  /** Whether the user has sessions, other than the kept one, that have not ended. */
  async hasUnendedSessions(userId: string, keptId: string | null): Promise<boolean> {
    const rows = await this.prisma.$queryRaw<unknown[]>`
      SELECT 1 FROM sessions
      WHERE user_id = ${userId}::uuid AND ended_at IS NULL AND id IS DISTINCT FROM ${keptId}::uuid LIMIT 1`;
    return rows.length > 0;
  }

  /**
   * Ends those of the next {@link ROWS_PER_BATCH} sessions, of any user, that have not ended. Goes by the primary key's
   * index even where a table just restored has no statistics.
   * @returns how many it ended, and the id after which the next batch starts; undefined at the end of the table
   */
  async markNextBatchEnded(tx: Transaction, after = LOWEST_ID): Promise<{ count: number; lastId: string } | undefined> {
    const [batch] = await tx.$queryRaw<{ count: number; lastId: string | null }[]>`
      WITH batch AS MATERIALIZED (
        SELECT s.id FROM sessions s WHERE s.id > ${after}::uuid ORDER BY s.id LIMIT ${ROWS_PER_BATCH}
      ), ended AS (
        UPDATE sessions SET ended_at = now() WHERE ended_at IS NULL AND id = ANY(ARRAY(SELECT id FROM batch))
        RETURNING id
      )
      SELECT (SELECT count(*) FROM ended)::int AS count,
             (SELECT id::text FROM batch ORDER BY id DESC LIMIT 1) AS "lastId"`;
    const { count, lastId } = batch ?? { count: 0, lastId: null };
    return lastId === null ? undefined : { count, lastId };
  }

  /**
   * Ends the user's live sessions except the new one and the newest `keptOthers` of the others. Finds them by an array:
   * for an `IN (SELECT …)` whose number of rows is a guess, the planner may read the whole table.
   * @returns the ids of those it ended
   */
  async markOldestSessionsEnded(tx: Transaction, userId: string, newId: string, keptOthers: number): Promise<string[]> {
    const rows = await tx.$queryRaw<{ id: string }[]>`
      UPDATE sessions SET ended_at = now()
      WHERE id = ANY(ARRAY(
        SELECT s.id FROM sessions s
        WHERE s.user_id = ${userId}::uuid AND s.id <> ${newId}::uuid AND ${this.limits.isLiveSql()}
        ORDER BY s.created_at DESC, s.id DESC OFFSET ${keptOthers}))
      RETURNING id`;
    return rows.map(({ id }) => id);
  }

  /**
   * The user's live sessions, newest first, starting after the given id. Finds all of them before it sorts: for the sake of
   * the order the planner would read the sessions of every user by the primary key.
   */
  listLiveSessions(userId: string, after: string | undefined, size: number): Promise<SessionRow[]> {
    const isAfter = after === undefined ? Prisma.sql`true` : Prisma.sql`s.id < ${after}::uuid`;
    return this.prisma.$queryRaw<SessionRow[]>`
      WITH live AS MATERIALIZED (
        SELECT s.id, s.created_at AS "createdAt", s.refreshed_at AS "refreshedAt", s.user_agent AS "userAgent", s.network
        FROM sessions s
        WHERE s.user_id = ${userId}::uuid AND ${isAfter} AND ${this.limits.isLiveSql()}
      )
      SELECT * FROM live ORDER BY id DESC LIMIT ${size}`;
  }

  /** The user's sessions, ended ones included, in the order of their logins, after the given one. */
  listSessionsAfter(
    after: Pick<SessionRecord, 'id' | 'createdAt'> | undefined,
    userId: string,
    size: number,
  ): Promise<SessionRecord[]> {
    const isAfter =
      after === undefined
        ? Prisma.sql`true`
        : Prisma.sql`(s.created_at, s.id) > (${after.createdAt.toISOString()}::timestamptz, ${after.id}::uuid)`;
    return this.prisma.$queryRaw<SessionRecord[]>`
      SELECT s.id, s.created_at AS "createdAt", s.refreshed_at AS "refreshedAt", s.ended_at AS "endedAt",
             s.user_agent AS "userAgent", s.network
      FROM sessions s WHERE s.user_id = ${userId}::uuid AND ${isAfter}
      ORDER BY s.created_at, s.id LIMIT ${size}`;
  }

  /** Seconds since the login, on the database's clock; undefined where the user has no such session or it has ended. */
  async findLoginAgeSeconds(id: string, userId: string): Promise<number | undefined> {
    const [row] = await this.prisma.$queryRaw<{ age: number }[]>`
      SELECT extract(epoch FROM now() - s.created_at)::float8 AS age FROM sessions s
      WHERE s.id = ${id}::uuid AND s.user_id = ${userId}::uuid AND s.ended_at IS NULL`;
    return row?.age;
  }

  /**
   * Deletes those of the next batch that ended or expired `retentionSeconds` ago. Skips locked rows: the deletion of a
   * user locks them in another order.
   */
  purgeSessionBatch(
    query: PurgeQuery,
    retentionSeconds: number,
    after: string | undefined,
  ): Promise<string | undefined> {
    const isOver = Prisma.sql`(
      s.ended_at < now() - make_interval(secs => ${retentionSeconds})
      OR s.refreshed_at < now() - make_interval(secs => ${retentionSeconds})
         AND NOT (${this.limits.isWithinLimitsSql(retentionSeconds)}))`;
    return purgeNextRows(query, { table: 'sessions s', key: 'id', type: 'uuid', isOver }, after);
  }
}
