import { Injectable } from '@nestjs/common';
import type { Principal } from '../access/principal.js';
import { isForeignKeyViolation } from '../database/database-errors.js';
import type { Transaction } from '../database/prisma.service.js';
import type { ClientInfo } from '../http/client-info.js';
import { MailService } from '../mail/mail.service.js';
import { serviceUnavailable } from '../problems/http-status.problems.js';
import { refundUnlessChecked } from '../rate-limits/admitted-attempt.js';
import { RateLimitsService } from '../rate-limits/rate-limits.service.js';
import { SessionsService } from '../sessions/sessions.service.js';
import { MAX_VERIFICATIONS, PasswordVerificationService } from './password-verification.service.js';
import { userInUse } from './users.problems.js';
import { UsersRepository } from './users.repository.js';

/** Deletes the caller and everything of theirs. */
@Injectable()
export class AccountDeletionService {
  constructor(
    private readonly repository: UsersRepository,
    private readonly verification: PasswordVerificationService,
    private readonly sessions: SessionsService,
    private readonly limits: RateLimitsService,
    private readonly mail: MailService,
  ) {}

  /** @throws Problem `credentials_invalid` for a wrong current password, `user_in_use`, `too_many_attempts`. */
  async deleteOwnAccount(
    { userId }: Principal,
    { current, client }: { readonly current: string; readonly client: ClientInfo },
    disconnected?: AbortSignal,
  ): Promise<void> {
    const attempt = await this.limits.admitDeletion(userId, client.address);
    const inUse = await refundUnlessChecked(attempt, () =>
      this.#verifyAndDelete(userId, current, client, disconnected).then(
        () => undefined,
        (error: unknown) => {
          if (!isForeignKeyViolation(error)) throw error;
          return userInUse({ cause: error });
        },
      ),
    );
    // The password was right.
    await attempt.recordSuccess(userId);
    if (inUse !== undefined) throw inUse;
  }

  /** Verifies again where another password hash has replaced the verified one meanwhile. */
  async #verifyAndDelete(userId: string, password: string, client: ClientInfo, disconnected?: AbortSignal) {
    for (let verifications = 0; verifications < MAX_VERIFICATIONS; verifications++) {
      const user = await this.verification.verifyCurrentPassword(userId, password, disconnected);
      const remove = (tx: Transaction) => this.#delete(tx, userId, client);
      const { isUnchanged } = await this.verification.runIfPasswordUnchanged(user, remove);
      if (isUnchanged) return;
    }
    throw serviceUnavailable();
  }

  /** The user's sessions are deleted with the user; their revocations stay. The caller holds the user's row locked. */
  async #delete(tx: Transaction, userId: string, client: ClientInfo): Promise<void> {
    await this.mail.queueNotice(tx, 'account_deleted', userId, client);
    await this.sessions.endSessionsOfUser(tx, null, {
      event: { event: 'user_deleted', by: client, userId },
      isRecordedIfNone: true,
      beforeRecord: () => this.repository.deleteUser(tx, userId),
    });
  }
}
