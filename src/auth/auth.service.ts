import { Injectable } from '@nestjs/common';
import { LimitsService } from '../limits/limits.service.js';
import { SessionsService } from '../sessions/sessions.service.js';
import { TokensService, type IssuedToken } from '../tokens/tokens.service.js';
import { AccountsService } from '../users/accounts.service.js';
import type { UserView } from '../users/user-view.js';
import { UsersService } from '../users/users.service.js';
import type { Sender } from '../wire/sender.js';
import type { LoginBody, LogoutScope, RegisterBody } from './auth.messages.js';

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
    private readonly limits: LimitsService,
  ) {}

  /** @throws Problem `email_taken`, `too_many_attempts`, or one of the password policy. */
  async register({ email, password }: RegisterBody, sender: Sender, gone?: AbortSignal): Promise<UserView> {
    await this.limits.admitRegistration(email, sender.address);
    return this.users.register(email, password, sender, gone);
  }

  /**
   * Starts a session for the right address and password.
   * @throws Problem `credentials_invalid`, one answer for unknown, wrong and disabled; `too_many_attempts`.
   */
  async login({ email, password, deviceToken }: LoginBody, sender: Sender, gone?: AbortSignal): Promise<LoggedIn> {
    this.tokens.requireKey();
    const admitted = await this.limits.admitLogin({ email, address: sender.address, deviceToken });
    const started = await this.users.whileCounted(admitted, () => this.#startSession(email, password, sender, gone));
    const { user, sessionId, refreshToken } = started;
    return { ...this.tokens.issue(user, sessionId), refreshToken, deviceToken: started.deviceToken };
  }

  /** @throws Problem `refresh_token_invalid`, `refresh_token_expired`, `refresh_token_reused` or `too_many_attempts`. */
  async refresh(presented: string, sender: Sender): Promise<IssuedTokens> {
    this.tokens.requireKey();
    const token = this.sessions.read(presented);
    await this.limits.admitRefresh(token.sessionId, sender.address);
    const { userId, email, sessionId, secondsLeft, refreshToken } = await this.sessions.refresh(token, sender);
    return { ...this.tokens.issue({ id: userId, email }, sessionId, secondsLeft), refreshToken };
  }

  #startSession(email: string, password: string, sender: Sender, gone: AbortSignal | undefined) {
    return this.users.whileVerified(
      () => this.users.verify(email, password, gone),
      async (tx, user) => ({
        user,
        userId: user.id,
        ...(await this.sessions.start(tx, user.id, sender)),
      }),
      async (user) => {
        const started = await this.sessions.startUndisturbed(user.id, user.passwordHash, sender);
        return started && { user, userId: user.id, ...started };
      },
    );
  }

  /** Ends the caller's session, the others, or all; those that are over already stay so. */
  async logout(caller: { userId: string; sessionId: string }, scope: LogoutScope, sender: Sender): Promise<void> {
    if (scope === 'local') await this.sessions.end(caller.sessionId, sender, caller.userId);
    else await this.accounts.endSessions(caller, scope, sender);
  }

  /**
   * {@link logout} by refresh token. One that was exchanged before may still end its own session.
   * @throws Problem `refresh_token_invalid`; for the wider scopes also `refresh_token_expired` and `refresh_token_reused`.
   */
  async logoutByRefreshToken(refreshToken: string, scope: LogoutScope, sender: Sender): Promise<void> {
    if (scope === 'local') await this.sessions.endByRefreshToken(refreshToken, sender);
    else await this.logout(await this.sessions.identify(refreshToken, sender), scope, sender);
  }
}
