import { Injectable } from '@nestjs/common';
import type { Principal } from '../access/principal.js';
import { PrismaService, type Transaction } from '../database/prisma.service.js';
import { LimitsService } from '../limits/limits.service.js';
import { SessionsService } from '../sessions/sessions.service.js';
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
  ) {}

  /**
   * Ends every other session; the one that asks goes on.
   * @throws Problem `credentials_invalid` for a wrong current password, `too_many_attempts`, or one of the password policy.
   */
  async changePassword(
    { userId, sessionId }: Principal,
    { current, next, address }: { readonly current: string; readonly next: string; readonly address: string },
    gone?: AbortSignal,
  ): Promise<void> {
    const verify = async () => {
      const user = await this.users.verifyCurrent(userId, current, gone);
      return { ...user, nextHash: await this.users.hashNew(user.email, next, gone) };
    };
    const admitted = await this.limits.admitCurrentPassword(userId, address);
    await this.users.whileCounted(admitted, () =>
      this.users.whileVerified(verify, async (tx, { nextHash }) => {
        await this.users.setPasswordHash(tx, userId, nextHash);
        await this.limits.endDevices(tx, userId);
        await this.sessions.endAll(tx, userId, sessionId);
        return { userId };
      }),
    );
  }

  /** Removes the caller and everything of theirs. @throws Problem `credentials_invalid` for a wrong current password, `too_many_attempts`. */
  async deleteOwn(
    { userId }: Principal,
    { current, address }: { readonly current: string; readonly address: string },
    gone?: AbortSignal,
  ): Promise<void> {
    const admitted = await this.limits.admitCurrentPassword(userId, address);
    await this.users.whileCounted(admitted, () =>
      this.users.whileVerified(
        () => this.users.verifyCurrent(userId, current, gone),
        async (tx) => {
          await this.#delete(tx, userId);
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
      await this.sessions.endAll(tx, id);
    });
  }

  /** @throws Problem `user_not_found`. */
  async enable(email: string): Promise<void> {
    const id = await this.users.idOf(email);
    await this.prisma.transaction((tx) => this.users.setDisabled(tx, id, false));
  }

  /** Forgets the wrong passwords of strangers. @throws Problem `user_not_found`. */
  async unlock(email: string): Promise<void> {
    await this.users.idOf(email);
    await this.limits.unlock(email);
  }

  /** Removes the user and everything of theirs. @throws Problem `user_not_found`. */
  async delete(email: string): Promise<void> {
    const id = await this.users.idOf(email);
    await this.prisma.transaction(async (tx) => {
      if (!(await this.users.lock(tx, id))) throw userNotFound();
      await this.#delete(tx, id);
    });
  }

  /** The sessions' rows go with the user's; their revocations stay. The caller holds the user's row locked. */
  async #delete(tx: Transaction, id: string): Promise<void> {
    await this.sessions.endAllWith(tx, id, () => this.users.delete(tx, id));
  }
}
