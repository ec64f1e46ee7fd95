import { Injectable } from '@nestjs/common';
import { PrismaService } from '../database/prisma.service.js';
import { originOf, type Client } from '../sessions/origin.js';
import { SessionsService } from '../sessions/sessions.service.js';
import { TokensService, type IssuedToken } from '../tokens/tokens.service.js';
import { UsersService } from '../users/users.service.js';
import type { LoginBody, LogoutScope } from './auth.messages.js';

/** An access token, and the refresh token that gets the next one. */
export interface IssuedTokens extends IssuedToken {
  readonly refreshToken: string;
}

@Injectable()
export class AuthService {
  constructor(
    private readonly prisma: PrismaService,
    private readonly users: UsersService,
    private readonly sessions: SessionsService,
    private readonly tokens: TokensService,
  ) {}

  /**
   * Starts a session for the right address and password.
   * @throws Problem `credentials_invalid`, one answer for unknown, wrong and disabled.
   */
  async login({ email, password }: LoginBody, client: Client, gone?: AbortSignal): Promise<IssuedTokens> {
    this.tokens.requireKey();
    const { user, sessionId, refreshToken } = await this.users.whileVerified(
      () => this.users.verify(email, password, gone),
      async (tx, verified) => ({ user: verified, ...(await this.sessions.start(tx, verified.id, originOf(client))) }),
      async (verified) => {
        const { id, passwordHash } = verified;
        const started = await this.sessions.startUndisturbed(id, passwordHash, originOf(client));
        return started && { user: verified, ...started };
      },
    );
    return { ...this.tokens.issue(user, sessionId), refreshToken };
  }

  /** @throws Problem `refresh_token_invalid`, `refresh_token_expired` or `refresh_token_reused`. */
  async refresh(presented: string): Promise<IssuedTokens> {
    this.tokens.requireKey();
    const { userId, email, sessionId, secondsLeft, refreshToken } = await this.sessions.refresh(presented);
    return { ...this.tokens.issue({ id: userId, email }, sessionId, secondsLeft), refreshToken };
  }

  /** Ends the caller's session, the others, or all; those that are over already stay so. */
  async logout(caller: { userId: string; sessionId: string }, scope: LogoutScope): Promise<void> {
    const { userId, sessionId } = caller;
    if (scope === 'local') {
      await this.sessions.end(sessionId, userId);
      return;
    }
    await this.prisma.transaction(async (tx) => {
      await this.users.lock(tx, userId);
      await this.sessions.endAll(tx, userId, scope === 'others' ? sessionId : null);
    });
  }

  /**
   * {@link logout} by refresh token. One that was exchanged before may still end its own session.
   * @throws Problem `refresh_token_invalid`; for the wider scopes also `refresh_token_expired` and `refresh_token_reused`.
   */
  async logoutByRefreshToken(refreshToken: string, scope: LogoutScope): Promise<void> {
    if (scope === 'local') await this.sessions.endByRefreshToken(refreshToken);
    else await this.logout(await this.sessions.identify(refreshToken), scope);
  }
}
