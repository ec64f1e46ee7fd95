import { Injectable } from '@nestjs/common';
import { loginTooOld, tokenRevoked } from '../access/access.problems.js';
import type { Principal } from '../access/principal.js';
import { SessionsService } from '../sessions/sessions.service.js';

/** When the caller has logged in, as the database has it. A refresh is no login. */
@Injectable()
export class RecentLoginService {
  constructor(private readonly sessions: SessionsService) {}

  /**
   * For what a stolen session must not do hours later.
   * @throws Problem `insufficient_user_authentication` where the login is longer ago, `token_revoked` where the session has ended
   */
  async requireRecentLogin(caller: Principal, maxAgeSeconds: number): Promise<void> {
    if ((await this.#loginAgeSeconds(caller)) > maxAgeSeconds) throw loginTooOld(maxAgeSeconds);
  }

  /**
   * For what goes on after it has begun: asks the database, so that no node has to hear of the end first.
   * @throws Problem `token_revoked` where the session has ended
   */
  async requireSession(caller: Principal): Promise<void> {
    await this.#loginAgeSeconds(caller);
  }

  async #loginAgeSeconds({ sessionId, userId }: Principal): Promise<number> {
    const age = await this.sessions.findLoginAgeSeconds(sessionId, userId);
    if (age === undefined) throw tokenRevoked();
    return age;
  }
}
