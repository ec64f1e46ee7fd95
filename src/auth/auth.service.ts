import { Injectable } from '@nestjs/common';
import { runAdmitted } from '../rate-limits/admitted-attempt.js';
import { RateLimitsService } from '../rate-limits/rate-limits.service.js';
import { SessionsService } from '../sessions/sessions.service.js';
import { TokensService, type IssuedToken } from '../tokens/tokens.service.js';
import { AccountsService } from '../users/accounts.service.js';
import type { UserView } from '../users/user-view.js';
import { UsersService } from '../users/users.service.js';
import type { ClientInfo } from '../http/client-info.js';
import type { LoginBody, LogoutScope, RegisterBody } from './auth.schemas.js';

/** An access token, and the refresh token that gets the next one. */
export interface IssuedTokens extends IssuedToken {
  readonly refreshToken: string;
}

/** The same, and what spares this device the limits at its next login. */
export interface LoggedIn extends IssuedTokens {
  readonly deviceToken: string | undefined;
}

@Injectable()
export class AuthService {
  constructor(
    private readonly users: UsersService,
    private readonly accounts: AccountsService,
    private readonly sessions: SessionsService,
    private readonly tokens: TokensService,
    private readonly limits: RateLimitsService,
  ) {}

  /** @throws Problem `email_taken`, `too_many_attempts`, or one of the password policy. */
  async register({ email, password }: RegisterBody, client: ClientInfo, disconnected?: AbortSignal): Promise<UserView> {
    const admitted = await this.limits.admitRegistration(email, client.address);
    return runAdmitted(admitted, () => this.users.register(email, password, client, disconnected));
  }

  /**
   * Starts a session for the right address and password.
   * @throws Problem `credentials_invalid`, one answer for unknown, wrong and disabled; `too_many_attempts`.
   */
  async login(
    { email, password, deviceToken }: LoginBody,
    client: ClientInfo,
    disconnected?: AbortSignal,
  ): Promise<LoggedIn> {
    this.tokens.requireSigningKey();
    const admitted = await this.limits.admitLogin({ email, address: client.address, deviceToken });
    const started = await runAdmitted(admitted, () => this.#startSession(email, password, client, disconnected));
    const { user, sessionId, refreshToken } = started;
    const newDeviceToken = await admitted.succeed(user.id);
    return { ...this.tokens.issueAccessToken(user, sessionId), refreshToken, deviceToken: newDeviceToken };
  }

  /** @throws Problem `refresh_token_invalid`, `refresh_token_expired`, `refresh_token_reused` or `too_many_attempts`. */
  async refresh(presented: string, client: ClientInfo): Promise<IssuedTokens> {
    this.tokens.requireSigningKey();
    const token = this.sessions.readRefreshToken(presented);
    const admitted = await this.limits.admitRefresh(token.sessionId, client.address);
    const { userId, email, sessionId, secondsLeft, refreshToken } = await runAdmitted(admitted, () =>
      this.sessions.refreshSession(token, client),
    );
    return { ...this.tokens.issueAccessToken({ id: userId, email }, sessionId, secondsLeft), refreshToken };
  }

  #startSession(email: string, password: string, client: ClientInfo, disconnected: AbortSignal | undefined) {
    return this.users.whileVerified(
      () => this.users.verify(email, password, disconnected),
      async (tx, user) => ({ user, ...(await this.sessions.startSession(tx, user.id, client)) }),
      async (user) => {
        const started = await this.sessions.tryStartSession(user.id, user.passwordHash, client);
        return started && { user, ...started };
      },
    );
  }

  /**
   * Ends the caller's session, the others, or all; those that are over already stay so.
   * @throws Problem `too_many_attempts`.
   */
  async logout(caller: { userId: string; sessionId: string }, scope: LogoutScope, client: ClientInfo): Promise<void> {
    const admitted = await this.limits.admitLogout(caller.sessionId);
    await runAdmitted(admitted, () => this.#end(caller, scope, client));
  }

  /** Ends one of the caller's sessions; false when there is none of this id that has not ended. @throws Problem `too_many_attempts`. */
  async endSession(caller: { userId: string; sessionId: string }, id: string, client: ClientInfo): Promise<boolean> {
    const admitted = await this.limits.admitLogout(caller.sessionId);
    return runAdmitted(admitted, () => this.sessions.endSession(id, client, caller.userId));
  }

  /**
   * {@link logout} by refresh token. One that was exchanged before may still end its own session.
   * @throws Problem `refresh_token_invalid`, `too_many_attempts`; for the wider scopes also `refresh_token_expired` and
   * `refresh_token_reused`.
   */
  async logoutByRefreshToken(refreshToken: string, scope: LogoutScope, client: ClientInfo): Promise<void> {
    const token = this.sessions.readRefreshToken(refreshToken);
    const admitted = await this.limits.admitLogout(token.sessionId);
    await runAdmitted(admitted, async () => {
      if (scope === 'local') await this.sessions.endSession(token.sessionId, client);
      else await this.#end(await this.sessions.verifyRefreshToken(token, client), scope, client);
    });
  }

  async #end(caller: { userId: string; sessionId: string }, scope: LogoutScope, client: ClientInfo): Promise<void> {
    if (scope === 'local') await this.sessions.endSession(caller.sessionId, client, caller.userId);
    else await this.accounts.endSessions(caller, scope, client);
  }
}
