import { Injectable } from '@nestjs/common';
import type { Actor } from '../audit/audit-events.js';
import { AuditService } from '../audit/audit.service.js';
import { isForeignKeyViolation } from '../database/database-errors.js';
import { PrismaService, type Transaction } from '../database/prisma.service.js';
import { RateLimitsService } from '../rate-limits/rate-limits.service.js';
import { SessionsService } from '../sessions/sessions.service.js';
import { UserProofsService } from './user-proofs.service.js';
import { userInUse, userNotFound } from './users.problems.js';
import { UsersRepository } from './users.repository.js';

/** What an operator does to a user, and an application may. */
@Injectable()
export class UserAdministrationService {
  constructor(
    private readonly prisma: PrismaService,
    private readonly repository: UsersRepository,
    private readonly sessions: SessionsService,
    private readonly limits: RateLimitsService,
    private readonly audit: AuditService,
    private readonly proofs: UserProofsService,
  ) {}

  /** {@link disableUserById}, by email address. @throws Problem `user_not_found`. */
  async disableUser(email: string): Promise<void> {
    await this.disableUserById(await this.repository.getUserIdByEmail(email));
  }

  /** Ends every session and link, and refuses new ones. @throws Problem `user_not_found`. */
  async disableUserById(id: string, by: Actor = 'operator', tx?: Transaction): Promise<void> {
    await this.prisma.runIn(tx, async (inTx) => {
      const user = await this.repository.lockUser(inTx, id);
      if (user === undefined) throw userNotFound();
      const version = await this.repository.setDisabled(inTx, user.id, true);
      await this.proofs.endLinks(inTx, user.id);
      await this.sessions.endSessionsOfUser(inTx, null, {
        event: { event: 'user_disabled', by, userId: user.id },
        isRecordedIfNone: version !== undefined,
        version,
      });
    });
  }

  /** @throws Problem `user_not_found`. */
  async enableUser(email: string): Promise<void> {
    const userId = await this.repository.getUserIdByEmail(email);
    await this.prisma.transaction(async (tx) => {
      // No revocation of its own: the one of the lock-out refuses all tokens from before it, and none was issued since.
      const version = await this.repository.setDisabled(tx, userId, false);
      if (version !== undefined) await this.audit.recordEvent(tx, { event: 'user_enabled', by: 'operator', userId });
    });
  }

  /**
   * Deletes the count of wrong passwords that keeps unknown devices from logging in.
   * @throws Problem `user_not_found`.
   */
  async unlockUser(email: string): Promise<void> {
    const userId = await this.repository.getUserIdByEmail(email);
    await this.prisma.transaction(async (tx) => {
      const isChanged = await this.limits.unlockAccount(tx, email);
      if (isChanged) await this.audit.recordEvent(tx, { event: 'user_unlocked', by: 'operator', userId });
    });
  }

  /**
   * Deletes the user and everything of theirs. Their sessions are deleted with them; the revocations of these stay.
   * @throws Problem `user_not_found`, `user_in_use`.
   */
  async deleteUser(email: string): Promise<void> {
    const userId = await this.repository.getUserIdByEmail(email);
    const deleting = this.prisma.transaction(async (tx) => {
      if (!(await this.repository.lockUser(tx, userId))) throw userNotFound();
      await this.sessions.endSessionsOfUser(tx, null, {
        event: { event: 'user_deleted', by: 'operator', userId },
        isRecordedIfNone: true,
        beforeRecord: () => this.repository.deleteUser(tx, userId),
      });
    });
    await deleting.catch((error: unknown) => {
      throw isForeignKeyViolation(error) ? userInUse({ cause: error }) : error;
    });
  }
}
