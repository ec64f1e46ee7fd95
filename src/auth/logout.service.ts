import { Injectable } from '@nestjs/common';
import { PrismaService } from '../database/prisma.service.js';
import type { ClientInfo } from '../http/client-info.js';
import { refundUnlessChecked } from '../rate-limits/admitted-attempt.js';
import { RateLimitsService } from '../rate-limits/rate-limits.service.js';
import type { RefreshTokenContent } from '../sessions/refresh-token-codec.js';
import { SessionsService } from '../sessions/sessions.service.js';
import { UsersService } from '../users/users.service.js';
import type { LogoutScope } from './auth.schemas.js';

/** The user who sends the request, and the session. */
interface Caller {
  readonly userId: string;
  readonly sessionId: string;
}

@Injectable()
export class LogoutService {
  constructor(
    private readonly prisma: PrismaService,
    private readonly users: UsersService,
    private readonly sessions: SessionsService,
    private readonly limits: RateLimitsService,
  ) {}

  /**
   * Ends the caller's session, the others, or all. Sessions that have ended already are left as they are.
   * @throws Problem `too_many_attempts`.
   */
  async logOut(caller: Caller, scope: LogoutScope, client: ClientInfo): Promise<void> {
    const attempt = await this.limits.admitLogout(caller.sessionId);
    await refundUnlessChecked(attempt, () => this.#endScope(caller, scope, client));
  }

  /**
   * {@link logOut} by refresh token. A used refresh token may still end its own session.
   * @throws Problem `refresh_token_invalid`, `too_many_attempts`; for the wider scopes also `refresh_token_expired` and
   * `refresh_token_reused`.
   */
  async logOutByRefreshToken(refreshToken: string, scope: LogoutScope, client: ClientInfo): Promise<void> {
    const token = this.sessions.readRefreshToken(refreshToken);
    const attempt = await this.limits.admitLogout(token.sessionId);
    await refundUnlessChecked(attempt, () => this.#endScopeOfToken(token, scope, client));
  }

  /**
   * Ends one of the caller's sessions; false when there is none of this id that has not ended.
   * @throws Problem `too_many_attempts`.
   */
  async endOwnSession(caller: Caller, id: string, client: ClientInfo): Promise<boolean> {
    const attempt = await this.limits.admitLogout(caller.sessionId);
    return refundUnlessChecked(attempt, () => this.sessions.endSession(id, client, caller.userId));
  }

  async #endScopeOfToken(token: RefreshTokenContent, scope: LogoutScope, client: ClientInfo): Promise<void> {
    if (scope === 'local') await this.sessions.endSession(token.sessionId, client);
    else await this.#endScope(await this.sessions.verifyRefreshToken(token, client), scope, client);
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
