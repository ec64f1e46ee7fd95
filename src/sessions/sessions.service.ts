import { Injectable } from '@nestjs/common';
import { randomUUIDv7 } from 'node:crypto';
import type { AuditEvent } from '../audit/audit-events.js';
import { AuditService } from '../audit/audit.service.js';
import { translateDatabaseError } from '../database/database-errors.js';
import { PrismaService, type Transaction } from '../database/prisma.service.js';
import { internalError, serviceUnavailable } from '../problems/http-status.problems.js';
import type { ClientInfo } from '../http/client-info.js';
import { sessionClientOf } from './session-client.js';
import { RefreshTokenCodec, type RefreshTokenContent } from './refresh-token-codec.js';
import { RevocationsService } from '../revocation/revocations.service.js';
import { refreshTokenExpired, refreshTokenInvalid, refreshTokenReused } from './sessions.problems.js';
import { SessionsRepository, type Exchange, type SessionRow } from './sessions.repository.js';

/** One more ends the oldest. */
export const MAX_SESSIONS_PER_USER = 100;

/** A session and the refresh token that continues it. */
export interface SessionTokens {
  readonly sessionId: string;
  readonly refreshToken: string;
}

/** A session that goes on, and whose it is. */
export interface RefreshedSession extends SessionTokens {
  readonly userId: string;
  readonly email: string;
  /** Until the session ends however often it is refreshed. */
  readonly secondsLeft: number;
}

@Injectable()
export class SessionsService {
  readonly #refreshes = { advance: 0, replay: 0, reuse: 0 };

  constructor(
    private readonly prisma: PrismaService,
    private readonly repository: SessionsRepository,
    private readonly refreshTokens: RefreshTokenCodec,
    private readonly revocations: RevocationsService,
    private readonly audit: AuditService,
  ) {}

  /** Starts a session; its id is the `sid` of its tokens. The caller holds the user's row locked. */
  async startSession(tx: Transaction, userId: string, client: ClientInfo): Promise<SessionTokens> {
    const id = randomUUIDv7();
    await this.repository.insertSession(tx, { id, userId, ...sessionClientOf(client) });
    await this.audit.recordEvent(tx, { event: 'session_started', by: client, userId, sessionId: id });
    const displaced = await this.repository.markOldestSessionsEnded(tx, userId, id, MAX_SESSIONS_PER_USER - 1);
    for (const sessionId of displaced) {
      await this.audit.recordEvent(tx, { event: 'session_displaced', by: client, userId, sessionId });
    }
    await this.revocations.writeRevocations(tx, 'sid', displaced);
    return this.#firstTokens(id);
  }

  /**
   * {@link startSession} without a transaction, for a user whose password has this hash; undefined, and nothing done, where a
   * transaction has to find out what is the matter.
   */
  async tryStartSession(userId: string, passwordHash: string, client: ClientInfo): Promise<SessionTokens | undefined> {
    const id = randomUUIDv7();
    const started: AuditEvent = { event: 'session_started', by: client, userId, sessionId: id };
    const session = { id, userId, passwordHash, ...sessionClientOf(client) };
    const isStarted = await this.repository.insertSessionIfAllowed(session, (part) =>
      this.audit.eventInsertSql(started, part),
    );
    if (!isStarted) return undefined;
    this.audit.logEvent(started);
    return this.#firstTokens(id);
  }

  /**
   * Exchanges a refresh token for its successor, the same one however often within the grace.
   * @throws Problem `refresh_token_invalid`, `refresh_token_expired`, or `refresh_token_reused` once the session has ended.
   */
  async refreshSession(presented: RefreshTokenContent, client: ClientInfo): Promise<RefreshedSession> {
    const session = await this.#judge(presented, await this.repository.exchangeRefreshToken(presented), client);
    this.#refreshes[session.verdict]++;
    const { sessionId, userId, email, secondsLeft, counter } = session;
    const successor = this.refreshTokens.encodeRefreshToken({ sessionId, counter: counter + 1 });
    return { sessionId, userId, email, secondsLeft, refreshToken: successor };
  }

  /** What a refresh token says, of a session alive or not; asks nobody. @throws Problem `refresh_token_invalid`. */
  readRefreshToken(refreshToken: string): RefreshTokenContent {
    const token = this.refreshTokens.decodeRefreshToken(refreshToken);
    if (token === undefined) throw refreshTokenInvalid();
    return token;
  }

  /**
   * Whose session a refresh token continues; the token is not used up.
   * @throws Problem as {@link refreshSession} does.
   */
  async verifyRefreshToken(
    presented: RefreshTokenContent,
    client: ClientInfo,
  ): Promise<{ userId: string; sessionId: string }> {
    const { userId, sessionId } = await this.#judge(
      presented,
      await this.repository.evaluateRefreshToken(presented),
      client,
    );
    return { userId, sessionId };
  }

  /** Ends a session, of this user if one is named; false when there is none of this id that has not ended. */
  endSession(sessionId: string, client: ClientInfo, userId?: string): Promise<boolean> {
    return this.#end(sessionId, userId, { event: 'session_ended', by: client });
  }

  /**
   * Ends all of the user's sessions, or all but one, and does what else belongs to it before anybody waits for the
   * revocations. The caller holds the user's row locked.
   */
  async endSessionsOfUser(
    tx: Transaction,
    userId: string,
    keptId: string | null,
    meanwhile: (endedSessions: number) => Promise<void>,
  ): Promise<void> {
    const ended = await this.repository.markUserSessionsEnded(tx, userId, keptId);
    await meanwhile(ended.length);
    await this.revocations.writeRevocations(tx, 'sid', ended);
  }

  /** Whether {@link endSessionsOfUser} would end any. */
  hasOtherSessions(userId: string, keptId: string | null): Promise<boolean> {
    return this.repository.hasUnendedSessions(userId, keptId);
  }

  /**
   * Ends every session of everybody, batch by batch, and returns how many. It revokes no access token: whoever calls it takes the
   * keys away afterwards.
   */
  async endSessionsOfAllUsers(): Promise<number> {
    let count = 0;
    for (let after: string | undefined; ;) {
      const ended = await this.prisma.transaction((tx) => this.repository.markNextBatchEnded(tx, after));
      if (ended === undefined) return count;
      count += ended.count;
      after = ended.lastId;
    }
  }

  /** The user's live sessions, newest first. */
  listSessions(userId: string, after: string | undefined, size: number): Promise<SessionRow[]> {
    return this.repository.listLiveSessions(userId, after, size);
  }

  /** What became of the refresh tokens that were presented, since the start. */
  stats(): Readonly<Record<'advance' | 'replay' | 'reuse', number>> {
    return { ...this.#refreshes };
  }

  #firstTokens(sessionId: string): SessionTokens {
    return { sessionId, refreshToken: this.refreshTokens.encodeRefreshToken({ sessionId, counter: 0 }) };
  }

  #end(id: string, ofUser: string | undefined, event: AuditEvent): Promise<boolean> {
    return this.prisma.transaction(async (tx) => {
      const ended = await this.repository.markSessionEnded(tx, id, ofUser);
      if (ended === undefined) return false;
      await this.audit.recordEvent(tx, { ...event, ...ended });
      await this.revocations.writeRevocations(tx, 'sid', [ended.sessionId]);
      return true;
    });
  }

  async #judge(token: RefreshTokenContent, exchange: Exchange | undefined, client: ClientInfo) {
    if (exchange === undefined || exchange.verdict === 'ended') throw refreshTokenInvalid();
    if (exchange.verdict === 'expired') throw refreshTokenExpired();
    if (exchange.verdict === 'reuse') throw await this.#reused(token, exchange.userId, client);
    return { ...token, ...exchange, verdict: exchange.verdict };
  }

  async #reused({ sessionId, counter }: RefreshTokenContent, userId: string, client: ClientInfo): Promise<Error> {
    const event = 'refresh_token_reused';
    await this.#end(sessionId, userId, { event, by: client, details: { counter } }).catch((cause: unknown) => {
      const problem = translateDatabaseError(cause) ? serviceUnavailable : internalError;
      throw problem({ cause, securityEvent: { event, userId, sessionId, counter } });
    });
    this.#refreshes.reuse++;
    return refreshTokenReused();
  }
}
