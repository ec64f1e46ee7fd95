import { Injectable } from '@nestjs/common';
import type { Principal } from '../access/principal.js';
import type { AuditEvent } from '../audit/audit-events.js';
import { AuditService } from '../audit/audit.service.js';
import { PrismaService, type Transaction } from '../database/prisma.service.js';
import { runAdmitted } from '../rate-limits/admitted-attempt.js';
import { RateLimitsService } from '../rate-limits/rate-limits.service.js';

import { SessionsService } from '../sessions/sessions.service.js';
import type { ClientInfo } from '../http/client-info.js';
import { userNotFound } from './users.problems.js';
import { UsersService } from './users.service.js';

/** A change of the caller's password. */
export interface PasswordChange {
  readonly current: string;
  readonly next: string;
  readonly client: ClientInfo;
  /** Of a device that stays known; all others are forgotten. */
  readonly deviceToken?: string | undefined;
}

/** What an owner or an operator does to a user, with the sessions that go with it. */
@Injectable()
export class AccountsService {
  constructor(
    private readonly prisma: PrismaService,
    private readonly users: UsersService,
    private readonly sessions: SessionsService,
    private readonly limits: RateLimitsService,
    private readonly audit: AuditService,
  ) {}

  /**
   * Ends every other session; the one that asks goes on.
   * @throws Problem `credentials_invalid` for a wrong current password, `too_many_attempts`, or one of the password policy.
   */
  async changePassword(
    { userId, sessionId }: Principal,
    { current, next, client, deviceToken }: PasswordChange,
    disconnected?: AbortSignal,
  ): Promise<void> {
    const verify = async () => {
      const user = await this.users.verifyCurrent(userId, current, disconnected);
      return { ...user, nextHash: await this.users.hashOther(user.email, { current, next }, disconnected) };
    };
    const admitted = await this.limits.admitPasswordChange(userId, client.address);
    await runAdmitted(admitted, () =>
      this.users.whileVerified(verify, async (tx, { nextHash }) => {
        if (nextHash !== undefined) await this.users.setPasswordHash(tx, userId, nextHash);
        const isAnyForgotten = (await this.limits.endDevices(tx, userId, deviceToken)) > 0;
        const isOnlyIfAny = nextHash === undefined && !isAnyForgotten;
        await this.#endSessions(tx, sessionId, { event: 'password_changed', by: client, userId }, { isOnlyIfAny });
      }),
    );
    await admitted.succeed(userId);
  }

  /** Ends all of the caller's sessions, or all but the one that asks. Where there are none it writes nothing and waits for nobody. */
  async endSessions(
    { userId, sessionId }: { readonly userId: string; readonly sessionId: string },
    scope: 'others' | 'global',
    client: ClientInfo,
  ): Promise<void> {
    const keptId = scope === 'others' ? sessionId : null;
    if (!(await this.sessions.hasOtherSessions(userId, keptId))) return;
    await this.prisma.transaction(async (tx) => {
      await this.users.lock(tx, userId);
      await this.#endSessions(
        tx,
        keptId,
        { event: 'sessions_ended', by: client, userId, sessionId },
        { isOnlyIfAny: true },
      );
    });
  }

  /** Removes the caller and everything of theirs. @throws Problem `credentials_invalid` for a wrong current password, `too_many_attempts`. */
  async deleteOwn(
    { userId }: Principal,
    { current, client }: { readonly current: string; readonly client: ClientInfo },
    disconnected?: AbortSignal,
  ): Promise<void> {
    const admitted = await this.limits.admitDeletion(userId, client.address);
    await runAdmitted(admitted, () =>
      this.users.whileVerified(
        () => this.users.verifyCurrent(userId, current, disconnected),
        (tx) => this.#delete(tx, userId, client),
      ),
    );
    await admitted.succeed(userId);
  }

  /** Ends every session and refuses new ones. @throws Problem `user_not_found`. */
  async disable(email: string): Promise<void> {
    const id = await this.users.idOf(email);
    await this.prisma.transaction(async (tx) => {
      if (!(await this.users.lock(tx, id))) throw userNotFound();
      const isOnlyIfAny = !(await this.users.setDisabled(tx, id, true));
      await this.#endSessions(tx, null, { event: 'user_disabled', by: 'operator', userId: id }, { isOnlyIfAny });
    });
  }

  /** @throws Problem `user_not_found`. */
  async enable(email: string): Promise<void> {
    const id = await this.users.idOf(email);
    await this.prisma.transaction(async (tx) => {
      const isChanged = await this.users.setDisabled(tx, id, false);
      if (isChanged) await this.audit.recordEvent(tx, { event: 'user_enabled', by: 'operator', userId: id });
    });
  }

  /** Forgets the wrong passwords of strangers. @throws Problem `user_not_found`. */
  async unlock(email: string): Promise<void> {
    const id = await this.users.idOf(email);
    await this.prisma.transaction(async (tx) => {
      const isChanged = await this.limits.unlock(tx, email);
      if (isChanged) await this.audit.recordEvent(tx, { event: 'user_unlocked', by: 'operator', userId: id });
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
    const removal = () => this.users.delete(tx, id);
    await this.#endSessions(tx, null, { event: 'user_deleted', by, userId: id }, { removal });
  }

  /** Ends the user's sessions but the kept one, and records why and how many they were; or, if asked to, nothing where there were none. */
  #endSessions(
    tx: Transaction,
    keptId: string | null,
    event: AuditEvent & { readonly userId: string },
    { removal, isOnlyIfAny = false }: { readonly removal?: () => Promise<void>; readonly isOnlyIfAny?: boolean } = {},
  ): Promise<void> {
    return this.sessions.endSessionsOfUser(tx, event.userId, keptId, async (endedSessions) => {
      await removal?.();
      if (isOnlyIfAny && endedSessions === 0) return;
      await this.audit.recordEvent(tx, { ...event, details: { endedSessions } });
    });
  }
}
