import { Injectable } from '@nestjs/common';
import { PURGE_SESSIONS_LOCK } from '../database/advisory-lock.js';
import { Chores } from '../database/chores.js';
import { translateDatabaseError } from '../database/driver-errors.js';
import { PrismaService, type Transaction } from '../database/prisma.service.js';
import { internalError, serviceUnavailable } from '../problems/framework.problems.js';
import type { Origin } from './origin.js';
import { RefreshTokens, type RefreshTokenContent } from './refresh-tokens.js';
import { RevocationsService } from './revocations.service.js';
import { refreshTokenExpired, refreshTokenInvalid, refreshTokenReused } from './sessions.problems.js';
import { SessionsRepository, type Exchange, type SessionRow } from './sessions.repository.js';

/** One more ends the oldest. */
export const MOST_LIVE_SESSIONS = 100;

/** Rows are kept for a day anyway, and each walk reads the whole table. */
const PURGE_SECONDS = 3600;

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
    private readonly chores: Chores,
    private readonly repository: SessionsRepository,
    private readonly refreshTokens: RefreshTokens,
    private readonly revocations: RevocationsService,
  ) {
    chores.every(PURGE_SECONDS, 'purge sessions', () => this.purge());
  }

  /** Starts a session; its id is the `sid` of its tokens. The caller holds the user's row locked. */
  async start(tx: Transaction, userId: string, origin: Origin): Promise<SessionTokens> {
    const sessionId = await this.repository.insert(tx, userId, origin);
    const ended = await this.repository.endBeyond(tx, userId, sessionId, MOST_LIVE_SESSIONS - 1);
    await this.revocations.write(tx, 'sid', ended);
    return this.#firstTokens(sessionId);
  }

  /**
   * {@link start} without a transaction, for a user whose password has this hash; undefined, and nothing done, where a
   * transaction has to find out what is the matter.
   */
  async startUndisturbed(userId: string, passwordHash: string, origin: Origin): Promise<SessionTokens | undefined> {
    const sessionId = await this.repository.insertUndisturbed(userId, passwordHash, origin);
    return sessionId === undefined ? undefined : this.#firstTokens(sessionId);
  }

  /**
   * Exchanges a refresh token for its successor, the same one however often within the grace.
   * @throws Problem `refresh_token_invalid`, `refresh_token_expired`, or `refresh_token_reused` once the session has ended.
   */
  async refresh(presented: RefreshTokenContent): Promise<RefreshedSession> {
    const session = await this.#judge(presented, await this.repository.exchange(presented));
    this.#refreshes[session.verdict]++;
    const { sessionId, userId, email, secondsLeft, counter } = session;
    const successor = this.refreshTokens.write({ sessionId, counter: counter + 1 });
    return { sessionId, userId, email, secondsLeft, refreshToken: successor };
  }

  /** What a refresh token says, of a session alive or not; asks nobody. @throws Problem `refresh_token_invalid`. */
  read(refreshToken: string): RefreshTokenContent {
    const token = this.refreshTokens.read(refreshToken);
    if (token === undefined) throw refreshTokenInvalid();
    return token;
  }

  /**
   * Whose session a refresh token continues; the token is not used up.
   * @throws Problem as {@link refresh} does.
   */
  async identify(refreshToken: string): Promise<{ userId: string; sessionId: string }> {
    const presented = this.read(refreshToken);
    const { userId, sessionId } = await this.#judge(presented, await this.repository.judge(presented));
    return { userId, sessionId };
  }

  /**
   * Ends the session of a refresh token, used up or not; one that is over already stays so.
   * @throws Problem `refresh_token_invalid`.
   */
  async endByRefreshToken(refreshToken: string): Promise<void> {
    await this.end(this.read(refreshToken).sessionId);
  }

  /** Ends a session, of this user if one is named; false when there is none of this id that has not ended. */
  end(sessionId: string, userId?: string): Promise<boolean> {
    return this.prisma.transaction(async (tx) => {
      const isEnded = await this.repository.end(tx, sessionId, userId);
      if (isEnded) await this.revocations.write(tx, 'sid', [sessionId]);
      return isEnded;
    });
  }

  /** Ends all of the user's sessions, or all but one. The caller holds the user's row locked. */
  async endAll(tx: Transaction, userId: string, keptId: string | null = null): Promise<void> {
    await this.revocations.write(tx, 'sid', await this.repository.endAll(tx, userId, keptId));
  }

  /** Ends all of the user's sessions with what removes their rows. The caller holds the user's row locked. */
  async endAllWith(tx: Transaction, userId: string, removal: () => Promise<void>): Promise<void> {
    const ended = await this.repository.endAll(tx, userId, null);
    await removal();
    await this.revocations.write(tx, 'sid', ended);
  }

  /** The user's live sessions, newest first. */
  page(userId: string, after: string | undefined, size: number): Promise<SessionRow[]> {
    return this.repository.page(userId, after, size);
  }

  /** Deletes sessions that have been over for a day. */
  async purge(): Promise<void> {
    let after: string | undefined;
    await this.chores.alone(PURGE_SESSIONS_LOCK, async (tx) => {
      after = await this.repository.purge(tx, after);
      return after !== undefined;
    });
  }

  /** What became of the refresh tokens that were presented, since the start. */
  stats(): Readonly<Record<'advance' | 'replay' | 'reuse', number>> {
    return { ...this.#refreshes };
  }

  #firstTokens(sessionId: string): SessionTokens {
    return { sessionId, refreshToken: this.refreshTokens.write({ sessionId, counter: 0 }) };
  }

  async #judge(token: RefreshTokenContent, exchange: Exchange | undefined) {
    if (exchange === undefined || exchange.verdict === 'ended') throw refreshTokenInvalid();
    if (exchange.verdict === 'expired') throw refreshTokenExpired();
    if (exchange.verdict === 'reuse') throw await this.#reused(token, exchange.userId);
    return { ...token, ...exchange, verdict: exchange.verdict };
  }

  async #reused({ sessionId, counter }: RefreshTokenContent, userId: string): Promise<Error> {
    const securityEvent = { event: 'refresh_token_reused', userId, sessionId, counter };
    await this.end(sessionId).catch((cause: unknown) => {
      const problem = translateDatabaseError(cause) ? serviceUnavailable : internalError;
      throw problem({ cause, securityEvent });
    });
    this.#refreshes.reuse++;
    return refreshTokenReused({ securityEvent });
  }
}
