import { Injectable } from '@nestjs/common';
import type { Transaction } from '../database/prisma.service.js';
import type { ClientInfo } from '../http/client-info.js';
import { serviceUnavailable } from '../problems/http-status.problems.js';
import { refundUnlessChecked } from '../rate-limits/admitted-attempt.js';
import { RateLimitsService } from '../rate-limits/rate-limits.service.js';
import { SessionsService, type SessionTokens } from '../sessions/sessions.service.js';
import { AccessTokenIssuer, type TokenUser } from '../tokens/access-token-issuer.js';
import { ClaimsService } from '../users/claims.service.js';
import type { Credential } from '../users/credential.js';
import { MAX_VERIFICATIONS, PasswordVerificationService } from '../users/password-verification.service.js';
import type { LoginBody } from './auth.schemas.js';
import type { IssuedTokens } from './issued-tokens.js';

export interface LoginTokens extends IssuedTokens {
  /** For the next login from this device, which then has limits of its own. */
  readonly deviceToken: string | undefined;
  readonly started: StartedLogin;
}

/** The session of a login. */
export interface StartedLogin {
  readonly userId: string;
  readonly sessionId: string;
  readonly isKnownDevice: boolean;
}

interface StartedSession extends SessionTokens {
  readonly user: TokenUser;
}

@Injectable()
export class LoginService {
  constructor(
    private readonly verification: PasswordVerificationService,
    private readonly sessions: SessionsService,
    private readonly tokens: AccessTokenIssuer,
    private readonly limits: RateLimitsService,
    private readonly claims: ClaimsService,
  ) {}

  /**
   * Starts a session for the right address and password.
   * @throws Problem `credentials_invalid` alike for an unknown address, a wrong password and a
   *   disabled user; `too_many_attempts`.
   */
  async logIn(body: LoginBody, client: ClientInfo, disconnected?: AbortSignal): Promise<LoginTokens> {
    this.tokens.requireSigningKey();
    const { email, deviceToken } = body;
    const attempt = await this.limits.admitLogin({ email, address: client.address, deviceToken });
    const session = await refundUnlessChecked(attempt, () => this.#verifyAndStart(body, client, disconnected));
    const nextDeviceToken = await attempt.recordSuccess(session.user.id);
    const issued = this.tokens.issueAccessToken(session.user, session.sessionId);
    const started = {
      userId: session.user.id,
      sessionId: session.sessionId,
      isKnownDevice: attempt.isKnownDevice === true,
    };
    return { ...issued, refreshToken: session.refreshToken, deviceToken: nextDeviceToken, started };
  }

  /** Verifies again where another password hash has replaced the verified one before the session starts. */
  async #verifyAndStart(
    { email, password }: LoginBody,
    client: ClientInfo,
    disconnected: AbortSignal | undefined,
  ): Promise<StartedSession> {
    for (let verifications = 0; verifications < MAX_VERIFICATIONS; verifications++) {
      const credential = await this.verification.verifyCredentials(email, password, disconnected);
      const user = this.claims.withClaims(credential);
      const session = await this.sessions.tryStartSession(credential, client);
      if (session !== undefined) return { user, ...session };
      const start = async (tx: Transaction, locked: Credential): Promise<StartedSession> => ({
        user: this.claims.withClaims(locked),
        ...(await this.sessions.startSession(tx, locked.id, client)),
      });
      const outcome = await this.verification.runIfPasswordUnchanged(credential, start);
      if (outcome.isUnchanged) return outcome.result;
    }
    throw serviceUnavailable();
  }
}
