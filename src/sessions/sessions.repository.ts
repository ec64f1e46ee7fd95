import { Inject, Injectable } from '@nestjs/common';
import { CONFIG, type Config } from '../config/config.js';
import { Prisma, PrismaService, type Transaction } from '../database/prisma.service.js';
import { purgeNextRows, type PurgeQuery } from '../jobs/purge-batch.js';
import type { SessionClient } from './session-client.js';
import type { RefreshTokenContent } from './refresh-token-codec.js';

const DAY_SECONDS = 86_400;
/** A session that is over is kept so long, so that its tokens get a precise answer. */
const KEPT_SECONDS = DAY_SECONDS;
const END_BATCH = 1000;
const LEAST_ID = '00000000-0000-0000-0000-000000000000';
/** From so many live sessions on, a new one is started under the lock that counts them exactly. Half of what a user may have. */
const CROWD = 50;

export interface SessionRow extends SessionClient {
  readonly id: string;
  readonly createdAt: Date;
  readonly refreshedAt: Date;
}

/** A session to be started, for a user whose password has this hash. */
export interface NewSession extends SessionClient {
  readonly id: string;
  readonly userId: string;
  readonly passwordHash: string;
}

/** Ids as the database writes them: a UUID that a request brought may be in capitals. */
export interface EndedSession {
  readonly sessionId: string;
  readonly userId: string;
}

/** What became of a refresh token that was presented. */
export interface Exchange {
  readonly verdict: 'advance' | 'replay' | 'reuse' | 'expired' | 'ended';
  readonly userId: string;
  readonly email: string;
  /** Until the session's absolute limit. */
  readonly secondsLeft: number;
}

/** Seconds, on the database's clock. */
interface Limits {
  readonly grace: number;
  readonly idle: number;
  readonly absolute: number;
}

@Injectable()
export class SessionsRepository {
  readonly #limits: Limits;

  constructor(
    @Inject(CONFIG) config: Config,
    private readonly prisma: PrismaService,
  ) {
    this.#limits = {
      grace: config.refreshGraceSeconds,
      idle: config.sessionIdleDays * DAY_SECONDS,
      absolute: config.sessionAbsoluteDays * DAY_SECONDS,
    };
  }

  /** In SQL, so that the times are the database's: Prisma would write the node's. */
  async insertSession(
    tx: Transaction,
    { id, userId, userAgent, network }: Omit<NewSession, 'passwordHash'>,
  ): Promise<void> {
    await tx.$executeRaw`
      INSERT INTO sessions (id, user_id, user_agent, network)
      VALUES (${id}::uuid, ${userId}::uuid, ${userAgent}, ${network})`;
  }

  /**
   * {@link insertSession} and all that a login decides beforehand, in one statement of its own: if the user is there, not disabled,
   * still of this hash and far from the most sessions, and nobody else holds the row; and with it what is to be written
   * alongside. False when it did nothing.
   */
  async insertSessionIfAllowed(
    { id, userId, passwordHash, userAgent, network }: NewSession,
    alongside: (part: string) => Prisma.Sql,
  ): Promise<boolean> {
    const rows = await this.prisma.$queryRaw<unknown[]>`
      WITH standing AS MATERIALIZED (
        SELECT u.id FROM users u
        WHERE u.id = ${userId}::uuid AND u.password_hash = ${passwordHash} AND u.disabled_at IS NULL
        FOR NO KEY UPDATE SKIP LOCKED
      ), started AS (
        INSERT INTO sessions (id, user_id, user_agent, network)
        SELECT ${id}::uuid, standing.id, ${userAgent}, ${network} FROM standing
        WHERE NOT EXISTS (
          SELECT FROM sessions s WHERE s.user_id = ${userId}::uuid AND ${this.#isLive()} OFFSET ${CROWD - 1})
        RETURNING id
      ), alongside AS (${alongside('started')})
      SELECT id::text FROM started`;
    return rows.length === 1;
  }

  /**
   * Decides about a refresh token and acts on it in one statement. It waits for whoever else presents a token of the session,
   * then sees what they left: of any number at once one advances and the others replay. A counter ahead of the row's is one
   * that a database lost when it failed over; it was written by us and is honoured.
   */
  async exchangeRefreshToken(token: RefreshTokenContent): Promise<Exchange | undefined> {
    const [exchange] = await this.prisma.$queryRaw<Exchange[]>`
      WITH presented AS MATERIALIZED (${this.#presented(token)} FOR NO KEY UPDATE OF s),
      advanced AS (
        UPDATE sessions SET refresh_counter = ${token.counter}::bigint + 1, refreshed_at = now()
        FROM presented
        WHERE sessions.id = ${token.sessionId}::uuid AND presented.verdict = 'advance'
      )
      SELECT * FROM presented`;
    return exchange;
  }

  /** What {@link exchangeRefreshToken} would say now; moves nothing. */
  async evaluateRefreshToken(token: RefreshTokenContent): Promise<Exchange | undefined> {
    const [exchange] = await this.prisma.$queryRaw<Exchange[]>`${this.#presented(token)}`;
    return exchange;
  }

  /**
   * Ends a session, of this user if one is named; returns which it was and whose, undefined when there is none of this id that
   * has not ended. One past its limits is ended too: an access token of it may be alive.
   */
  async markSessionEnded(tx: Transaction, id: string, userId?: string): Promise<EndedSession | undefined> {
    const isTheirs = userId === undefined ? Prisma.sql`true` : Prisma.sql`s.user_id = ${userId}::uuid`;
    const [ended] = await tx.$queryRaw<EndedSession[]>`
      UPDATE sessions s SET ended_at = now() WHERE s.id = ${id}::uuid AND ${isTheirs} AND s.ended_at IS NULL
      RETURNING s.id::text AS "sessionId", s.user_id::text AS "userId"`;
    return ended;
  }

  /** Ends the user's sessions but the kept one; returns the ids of those it ended. */
  async markUserSessionsEnded(tx: Transaction, userId: string, keptId: string | null): Promise<string[]> {
    const rows = await tx.$queryRaw<{ id: string }[]>`
      UPDATE sessions SET ended_at = now()
      WHERE user_id = ${userId}::uuid AND ended_at IS NULL AND id IS DISTINCT FROM ${keptId}::uuid
      RETURNING id`;
    return rows.map(({ id }) => id);
  }

  /** Whether the user has sessions that have not ended but the kept one. */
  async hasUnendedSessions(userId: string, keptId: string | null): Promise<boolean> {
    const rows = await this.prisma.$queryRaw<unknown[]>`
      SELECT 1 FROM sessions
      WHERE user_id = ${userId}::uuid AND ended_at IS NULL AND id IS DISTINCT FROM ${keptId}::uuid LIMIT 1`;
    return rows.length > 0;
  }

  /**
   * Looks at the next so many sessions of whomever, in the order of their ids, and ends those that have not ended. It reads them by
   * the index also where the table has just been restored and has no statistics.
   * @returns how many it ended, and the last it looked at, where the next call goes on; undefined at the end of the table
   */
  async markNextBatchEnded(tx: Transaction, after = LEAST_ID): Promise<{ count: number; lastId: string } | undefined> {
    const [batch] = await tx.$queryRaw<{ count: number; lastId: string | null }[]>`
      WITH batch AS MATERIALIZED (
        SELECT s.id FROM sessions s WHERE s.id > ${after}::uuid ORDER BY s.id LIMIT ${END_BATCH}
      ), ended AS (
        UPDATE sessions SET ended_at = now() WHERE ended_at IS NULL AND id = ANY(ARRAY(SELECT id FROM batch))
        RETURNING id
      )
      SELECT (SELECT count(*) FROM ended)::int AS count,
             (SELECT id::text FROM batch ORDER BY id DESC LIMIT 1) AS "lastId"`;
    const { count, lastId } = batch ?? { count: 0, lastId: null };
    return lastId === null ? undefined : { count, lastId };
  }

  /** Ends the user's oldest live sessions beside `newId` and the newest `others`; returns their ids. */
  async markOldestSessionsEnded(tx: Transaction, userId: string, newId: string, others: number): Promise<string[]> {
    const rows = await tx.$queryRaw<{ id: string }[]>`
      UPDATE sessions SET ended_at = now()
      WHERE id IN (
        SELECT s.id FROM sessions s
        WHERE s.user_id = ${userId}::uuid AND s.id <> ${newId}::uuid AND ${this.#isLive()}
        ORDER BY s.created_at DESC, s.id DESC OFFSET ${others})
      RETURNING id`;
    return rows.map(({ id }) => id);
  }

  /** The user's live sessions, newest first, from after the given one. */
  listLiveSessions(userId: string, after: string | undefined, size: number): Promise<SessionRow[]> {
    const isAfter = after === undefined ? Prisma.sql`true` : Prisma.sql`s.id < ${after}::uuid`;
    return this.prisma.$queryRaw<SessionRow[]>`
      SELECT s.id, s.created_at AS "createdAt", s.refreshed_at AS "refreshedAt", s.user_agent AS "userAgent", s.network
      FROM sessions s
      WHERE s.user_id = ${userId}::uuid AND ${isAfter} AND ${this.#isLive()}
      ORDER BY s.id DESC LIMIT ${size}`;
  }

  /**
   * Looks at the next sessions in the order of their ids and deletes those that have been over for a day. It waits for none: the
   * deletion of a user takes the same rows in another order.
   */
  purgeSessionBatch(query: PurgeQuery, after: string | undefined): Promise<string | undefined> {
    const { idle, absolute } = this.#limits;
    const isOver = Prisma.sql`(
      s.ended_at < now() - make_interval(secs => ${KEPT_SECONDS})
      OR s.refreshed_at < now() - make_interval(secs => ${KEPT_SECONDS})
         AND NOT (${this.#isWithinLimits(idle + KEPT_SECONDS, absolute + KEPT_SECONDS)}))`;
    return purgeNextRows(query, { table: 'sessions s', key: 'id', type: 'uuid', isOver }, after);
  }

  #presented({ sessionId, counter }: RefreshTokenContent): Prisma.Sql {
    const { grace, idle, absolute } = this.#limits;
    return Prisma.sql`
      SELECT s.user_id AS "userId", u.email,
             ${absolute}::int - ceil(extract(epoch FROM now() - s.created_at))::int AS "secondsLeft",
             CASE
               WHEN s.ended_at IS NOT NULL OR u.disabled_at IS NOT NULL THEN 'ended'
               WHEN NOT (${this.#isWithinLimits(idle, absolute)}) THEN 'expired'
               WHEN s.refresh_counter <= ${counter}::bigint THEN 'advance'
               WHEN s.refresh_counter = ${counter}::bigint + 1 AND ${grace}::int > 0
                    AND s.refreshed_at > now() - make_interval(secs => ${grace}::int) THEN 'replay'
               ELSE 'reuse'
             END AS verdict
      FROM sessions s JOIN users u ON u.id = s.user_id
      WHERE s.id = ${sessionId}::uuid`;
  }

  #isLive(): Prisma.Sql {
    const { idle, absolute } = this.#limits;
    return Prisma.sql`s.ended_at IS NULL AND ${this.#isWithinLimits(idle, absolute)}`;
  }

  #isWithinLimits(idle: number, absolute: number): Prisma.Sql {
    return Prisma.sql`
      s.refreshed_at > now() - make_interval(secs => ${idle}::int)
      AND s.created_at > now() - make_interval(secs => ${absolute}::int)`;
  }
}
