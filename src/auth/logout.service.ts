import { Injectable } from '@nestjs/common';
import { logoutTokenMissing } from '../access/access.problems.js';
import { PrismaService } from '../database/prisma.service.js';
import type { ClientInfo } from '../http/client-info.js';
import { refundUnlessChecked } from '../rate-limits/admitted-attempt.js';
import { RateLimitsService } from '../rate-limits/rate-limits.service.js';
import type { RefreshTokenContent } from '../sessions/refresh-token-codec.js';
import { RefreshTokensService } from '../sessions/refresh-tokens.service.js';
import { SessionsService } from '../sessions/sessions.service.js';
import { UsersService } from '../users/users.service.js';
import type { LogoutScope } from './auth.schemas.js';

/** The user who sends the request, and the session. */
interface Caller {
  readonly userId: string;
  readonly sessionId: string;
}

/** What names the session of a logout. */
interface LogoutTokens {
  /** Of the access token. */
  readonly caller: Caller | undefined;
  readonly refreshToken: string | undefined;
}

@Injectable()
export class LogoutService {
  constructor(
    private readonly prisma: PrismaService,
    private readonly users: UsersService,
    private readonly sessions: SessionsService,
    private readonly refreshTokens: RefreshTokensService,
    private readonly limits: RateLimitsService,
  ) {}

  /**
   * Ends the session of the request, the others, or all. A refresh token decides over an access token. A used refresh token
   * may still end its own session. Sessions that have ended already are left as they are.
   * @throws Problem `token_missing` without either token, `too_many_attempts`; for a refresh token also
   * `refresh_token_invalid`, and for the wider scopes `refresh_token_expired` and `refresh_token_reused`.
   */
  async logOut({ caller, refreshToken }: LogoutTokens, scope: LogoutScope, client: ClientInfo): Promise<void> {
    if (refreshToken !== undefined) await this.#logOutByRefreshToken(refreshToken, scope, client);
    else if (caller !== undefined) await this.#logOutCaller(caller, scope, client);
    else throw logoutTokenMissing();
  }

  /**
   * Ends one of the caller's sessions; false when there is none of this id that has not ended.
   * @throws Problem `too_many_attempts`.
   */
  async endOwnSession(caller: Caller, id: string, client: ClientInfo): Promise<boolean> {
    const attempt = await this.limits.admitLogout(caller.sessionId);
    return refundUnlessChecked(attempt, () => this.sessions.endSession(id, client, caller.userId));
  }

  async #logOutCaller(caller: Caller, scope: LogoutScope, client: ClientInfo): Promise<void> {
    const attempt = await this.limits.admitLogout(caller.sessionId);
    await refundUnlessChecked(attempt, () => this.#endScope(caller, scope, client));
  }

  async #logOutByRefreshToken(refreshToken: string, scope: LogoutScope, client: ClientInfo): Promise<void> {
    const token = this.refreshTokens.readRefreshToken(refreshToken);
    const attempt = await this.limits.admitLogout(token.sessionId);
    await refundUnlessChecked(attempt, () => this.#endScopeOfToken(token, scope, client));
  }

  async #endScopeOfToken(token: RefreshTokenContent, scope: LogoutScope, client: ClientInfo): Promise<void> {
    if (scope === 'local') await this.sessions.endSession(token.sessionId, client);
    else await this.#endScope(await this.refreshTokens.verifyRefreshToken(token, client), scope, client);
  }

  async #endScope(caller: Caller, scope: LogoutScope, client: ClientInfo): Promise<void> {
    if (scope === 'local') await this.sessions.endSession(caller.sessionId, client, caller.userId);
    else await this.#endSessions(caller, scope === 'others' ? caller.sessionId : null, client);
  }

  /**
   * Ends all of the user's sessions, or all but the kept one. Where there are none it takes no lock and writes nothing.
   */
  async #endSessions({ userId, sessionId }: Caller, keptId: string | null, client: ClientInfo): Promise<void> {
    if (!(await this.sessions.hasOtherSessions(userId, keptId))) return;
    await this.prisma.transaction(async (tx) => {
      await this.users.lockUser(tx, userId);
      await this.sessions.endSessionsOfUser(tx, keptId, {
        event: { event: 'sessions_ended', by: client, userId, sessionId },
        isRecordedIfNone: false,
      });
    });
  }
}
