import { Injectable, Logger } from '@nestjs/common';
import { tokenRevoked } from '../access/access.problems.js';
import type { Principal } from '../access/principal.js';
import { Problem } from '../problems/problem.js';
import { refundUnlessChecked } from '../rate-limits/admitted-attempt.js';
import { RateLimitsService } from '../rate-limits/rate-limits.service.js';
import { jsonPieces } from './export-json.js';
import { ExportedLists } from './exported-lists.js';
import { RecentLoginService } from './recent-login.service.js';
import { toUserView } from './user-view.js';
import { UsersRepository } from './users.repository.js';

/** How long ago the login may be. */
export const EXPORT_MAX_LOGIN_AGE_SECONDS = 600;

/** Exports everything that is kept about the caller. */
@Injectable()
export class AccountExportService {
  readonly #log = new Logger('AccountExport');

  constructor(
    private readonly repository: UsersRepository,
    private readonly logins: RecentLoginService,
    private readonly limits: RateLimitsService,
    private readonly lists: ExportedLists,
  ) {}

  /**
   * @returns the pieces of the JSON text. No statement runs and no connection is held between two pieces. Fails with
   *   `token_revoked` once the session has ended, so that what ends with its last brace is complete.
   * @throws Problem `insufficient_user_authentication`, `token_revoked` or `too_many_attempts`
   */
  async startExport(caller: Principal): Promise<AsyncGenerator<string>> {
    await this.logins.requireRecentLogin(caller, EXPORT_MAX_LOGIN_AGE_SECONDS);
    const attempt = await this.limits.admitExport(caller.userId);
    const row = await refundUnlessChecked(attempt, () => this.repository.findApplicationUser({ id: caller.userId }));
    // Deleted since the session was looked up.
    if (row === null) throw tokenRevoked();
    const { appData, disabledAt } = row;
    return this.#piecesWhileSignedIn(caller, { user: { ...toUserView(row), appData, disabledAt } });
  }

  async *#piecesWhileSignedIn(caller: Principal, members: object): AsyncGenerator<string> {
    let hasBegun = false;
    try {
      for await (const piece of jsonPieces(members, this.lists.listsOf(caller.userId))) {
        await this.logins.requireSession(caller);
        yield piece;
        hasBegun = true;
      }
    } catch (error) {
      // Before, the filter logs it; from now on nothing would.
      if (hasBegun && !(error instanceof Problem)) this.#log.error({ err: error, msg: 'export cut off' });
      throw error;
    }
  }
}
