import { Injectable } from '@nestjs/common';
import type { Principal } from '../access/principal.js';
import type { AuditEvent } from '../audit/audit-events.js';
import { AuditService } from '../audit/audit.service.js';
import { PrismaService, type Transaction } from '../database/prisma.service.js';
import { LimitsService } from '../limits/limits.service.js';
import { SessionsService } from '../sessions/sessions.service.js';
import type { Sender } from '../wire/sender.js';
import { userNotFound } from './users.problems.js';
import { UsersService } from './users.service.js';

/** What an owner or an operator does to a user, with the sessions that go with it. */
@Injectable()
export class AccountsService {
  constructor(
    private readonly prisma: PrismaService,
    private readonly users: UsersService,
    private readonly sessions: SessionsService,
    private readonly limits: LimitsService,
    private readonly audit: AuditService,
  ) {}

  /**
   * Ends every other session; the one that asks goes on.
   * @throws Problem `credentials_invalid` for a wrong current password, `too_many_attempts`, or one of the password policy.
   */
  async changePassword(
    { userId, sessionId }: Principal,
    { current, next, sender }: { readonly current: string; readonly next: string; readonly sender: Sender },
    gone?: AbortSignal,
  ): Promise<void> {
    const verify = async () => {
      const user = await this.users.verifyCurrent(userId, current, gone);
      return { ...user, nextHash: await this.users.hashNew(user.email, next, gone) };
    };
    const admitted = await this.limits.admitCurrentPassword(userId, sender.address);
    await this.users.whileCounted(admitted, () =>
      this.users.whileVerified(verify, async (tx, { nextHash }) => {
        await this.users.setPasswordHash(tx, userId, nextHash);
        await this.limits.endDevices(tx, userId);
        await this.#endSessions(tx, sessionId, { event: 'password_changed', by: sender, userId });
        return { userId };
      }),
    );
  }

  /** Ends all of the caller's sessions, or all but the one that asks. */
  async endSessions(
    { userId, sessionId }: { readonly userId: string; readonly sessionId: string },
    scope: 'others' | 'global',
    sender: Sender,
  ): Promise<void> {
    await this.prisma.transaction(async (tx) => {
      await this.users.lock(tx, userId);
      const keptId = scope === 'others' ? sessionId : null;
      await this.#endSessions(tx, keptId, { event: 'sessions_ended', by: sender, userId, sessionId });
    });
  }

  /** Removes the caller and everything of theirs. @throws Problem `credentials_invalid` for a wrong current password, `too_many_attempts`. */
  async deleteOwn(
    { userId }: Principal,
    { current, sender }: { readonly current: string; readonly sender: Sender },
    gone?: AbortSignal,
  ): Promise<void> {
    const admitted = await this.limits.admitCurrentPassword(userId, sender.address);
    await this.users.whileCounted(admitted, () =>
      this.users.whileVerified(
        () => this.users.verifyCurrent(userId, current, gone),
        async (tx) => {
          await this.#delete(tx, userId, sender);
          return { userId };
        },
      ),
    );
  }

  /** Ends every session and refuses new ones. @throws Problem `user_not_found`. */
  async disable(email: string): Promise<void> {
    const id = await this.users.idOf(email);
    await this.prisma.transaction(async (tx) => {
      if (!(await this.users.lock(tx, id))) throw userNotFound();
      await this.users.setDisabled(tx, id, true);
      await this.#endSessions(tx, null, { event: 'user_disabled', by: 'operator', userId: id });
    });
  }

  /** @throws Problem `user_not_found`. */
  async enable(email: string): Promise<void> {
    const id = await this.users.idOf(email);
    await this.prisma.transaction(async (tx) => {
      await this.users.setDisabled(tx, id, false);
      await this.audit.record(tx, { event: 'user_enabled', by: 'operator', userId: id });
    });
  }

  /** Forgets the wrong passwords of strangers. @throws Problem `user_not_found`. */
  async unlock(email: string): Promise<void> {
    const id = await this.users.idOf(email);
    await this.prisma.transaction(async (tx) => {
      await this.limits.unlock(tx, email);
      await this.audit.record(tx, { event: 'user_unlocked', by: 'operator', userId: id });
    });
  }

  /** Removes the user and everything of theirs. @throws Problem `user_not_found`. */
  async delete(email: string): Promise<void> {
    const id = await this.users.idOf(email);
    await this.prisma.transaction(async (tx) => {
      if (!(await this.users.lock(tx, id))) throw userNotFound();
      await this.#delete(tx, id, 'operator');
    });
  }

  /** The sessions' rows go with the user's; their revocations stay. The caller holds the user's row locked. */
  async #delete(tx: Transaction, id: string, by: AuditEvent['by']): Promise<void> {
    await this.#endSessions(tx, null, { event: 'user_deleted', by, userId: id }, () => this.users.delete(tx, id));
  }

  /** Ends the user's sessions but the kept one, and records why and how many they were. */
  #endSessions(
    tx: Transaction,
    keptId: string | null,
    event: AuditEvent & { readonly userId: string },
    removal: () => Promise<void> = async () => undefined,
  ): Promise<void> {
    return this.sessions.endAll(tx, event.userId, keptId, async (endedSessions) => {
      await removal();
      await this.audit.record(tx, { ...event, details: { endedSessions } });
    });
  }
}
