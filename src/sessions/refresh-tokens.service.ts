import { Injectable } from '@nestjs/common';
import { translateDatabaseError } from '../database/database-errors.js';
import type { ClientInfo } from '../http/client-info.js';
import { internalError, serviceUnavailable } from '../problems/http-status.problems.js';
import { MailService } from '../mail/mail.service.js';
import { RevocationsService } from '../revocation/revocations.service.js';
import type { TokenUser } from '../tokens/access-token-issuer.js';
import { RefreshTokenCodec, type RefreshTokenContent } from './refresh-token-codec.js';
import { refreshTokenExpired, refreshTokenInvalid, refreshTokenReused } from './refresh-token.problems.js';
import { RefreshTokensRepository, type EvaluatedSessionUser } from './refresh-tokens.repository.js';
import type { EvaluatedRefreshToken } from './refresh-verdict.js';
import { SessionsService, type SessionTokens } from './sessions.service.js';

/** A session that was refreshed, and its user. */
export interface RefreshedSession extends SessionTokens {
  readonly user: TokenUser;
  /** Until the session's absolute limit. */
  readonly secondsLeft: number;
}

/** Verifies refresh tokens and exchanges them; a reused one ends its session. */
@Injectable()
export class RefreshTokensService {
  readonly #refreshes = { advance: 0, replay: 0, reuse: 0 };

  constructor(
    private readonly repository: RefreshTokensRepository,
    private readonly refreshTokens: RefreshTokenCodec,
    private readonly sessions: SessionsService,
    private readonly revocations: RevocationsService,
    private readonly mail: MailService,
  ) {}

  /**
   * Exchanges a refresh token for its successor. Within the grace, each repetition returns the same successor.
   * @throws Problem `refresh_token_invalid`, `refresh_token_expired`, or `refresh_token_reused`,
   *   which ends the session first.
   */
  async refreshSession(presented: RefreshTokenContent, client: ClientInfo): Promise<RefreshedSession> {
    return this.#refreshed(presented, await this.repository.exchangeRefreshToken(presented), client);
  }

  /**
   * {@link refreshSession} if the user's row has this version. Undefined if not, or if it cannot be told: then nothing was
   * exchanged.
   * @throws Problem as {@link refreshSession} does.
   */
  async refreshSessionOfVersion(
    presented: RefreshTokenContent,
    client: ClientInfo,
    version: number,
  ): Promise<RefreshedSession | undefined> {
    const evaluated = await this.repository.exchangeRefreshToken(presented, version);
    return evaluated?.verdict === 'changed' ? undefined : this.#refreshed(presented, evaluated, client);
  }

  /** The user of a refresh token, which is not exchanged. @throws Problem as {@link refreshSession} does. */
  async readSessionUser(
    presented: RefreshTokenContent,
    client: ClientInfo,
  ): Promise<TokenUser & Pick<EvaluatedSessionUser, 'appData' | 'createdAt'>> {
    const evaluated = await this.repository.evaluateRefreshToken(presented);
    const {
      userId: id,
      email,
      emailVerified,
      roles,
      version,
      appData,
      createdAt,
    } = await this.#requireUsable(presented, evaluated, client);
    return { id, email, emailVerified, roles, version, appData, createdAt };
  }

  /** Decodes a refresh token without a query: its session may have ended. @throws Problem `refresh_token_invalid`. */
  readRefreshToken(refreshToken: string): RefreshTokenContent {
    const token = this.refreshTokens.decodeRefreshToken(refreshToken);
    if (token === undefined) throw refreshTokenInvalid();
    return token;
  }

  /**
   * The session and user of a refresh token, which is not exchanged.
   * @throws Problem as {@link refreshSession} does.
   */
  async verifyRefreshToken(
    presented: RefreshTokenContent,
    client: ClientInfo,
  ): Promise<{ userId: string; sessionId: string }> {
    const { userId, sessionId } = await this.#requireUsable(
      presented,
      await this.repository.evaluateRefreshToken(presented),
      client,
    );
    return { userId, sessionId };
  }

  /** Refresh tokens presented since the start, by verdict. */
  refreshVerdictCounts(): Readonly<Record<'advance' | 'replay' | 'reuse', number>> {
    return { ...this.#refreshes };
  }

  async #refreshed(
    presented: RefreshTokenContent,
    evaluated: EvaluatedRefreshToken | undefined,
    client: ClientInfo,
  ): Promise<RefreshedSession> {
    const session = await this.#requireUsable(presented, evaluated, client);
    this.#refreshes[session.verdict]++;
    const { sessionId, userId: id, secondsLeft, counter } = session;
    const successor = { sessionId, counter: counter + 1 };
    const { email, emailVerified, roles, version } = await this.#unlessOutdated(session, successor);
    const refreshToken = this.refreshTokens.encodeRefreshToken(successor);
    return { sessionId, user: { id, email, emailVerified, roles, version }, secondsLeft, refreshToken };
  }

  /**
   * Reads the user again if this node knows of a later version: the statement that exchanged the token may have waited for
   * the session's row since it read that of the user.
   */
  async #unlessOutdated(
    evaluated: EvaluatedRefreshToken,
    successor: RefreshTokenContent,
  ): Promise<Pick<EvaluatedRefreshToken, 'email' | 'emailVerified' | 'roles' | 'version'>> {
    if (!this.revocations.isOutdated(evaluated.userId, evaluated.version)) return evaluated;
    // The exchange is done: a token that is refused at once is better than none.
    return (await this.repository.evaluateRefreshToken(successor).catch(() => undefined)) ?? evaluated;
  }

  async #requireUsable<Evaluated extends EvaluatedRefreshToken>(
    token: RefreshTokenContent,
    evaluated: Evaluated | undefined,
    client: ClientInfo,
  ) {
    if (evaluated === undefined || evaluated.verdict === 'ended') throw refreshTokenInvalid();
    if (evaluated.verdict === 'changed') throw new TypeError('no version was asked for');
    if (evaluated.verdict === 'expired') throw refreshTokenExpired();
    if (evaluated.verdict === 'reuse') throw await this.#endReusedSession(token, evaluated.userId, client);
    return { ...token, ...evaluated, verdict: evaluated.verdict };
  }

  async #endReusedSession(
    { sessionId, counter }: RefreshTokenContent,
    userId: string,
    client: ClientInfo,
  ): Promise<Error> {
    const event = 'refresh_token_reused' as const;
    await this.sessions
      .endSessionFor({ event, by: client, details: { counter } }, sessionId, userId, (tx) =>
        this.mail.queueNotice(tx, event, userId, client),
      )
      .catch((cause: unknown) => {
        const problem = translateDatabaseError(cause) ? serviceUnavailable : internalError;
        throw problem({ cause, securityEvent: { event, userId, sessionId, counter } });
      });
    this.#refreshes.reuse++;
    return refreshTokenReused();
  }
}
