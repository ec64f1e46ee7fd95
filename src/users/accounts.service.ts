import { Injectable } from '@nestjs/common';
import type { Principal } from '../access/principal.js';
import { PrismaService, type Transaction } from '../database/prisma.service.js';
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
  ) {}

  /**
   * Ends every other session; the one that asks goes on.
   * @throws Problem `credentials_invalid` for a wrong current password, or one of the password policy.
   */
  async changePassword(
    { userId, sessionId }: Principal,
    current: string,
    next: string,
    gone?: AbortSignal,
  ): Promise<void> {
    const verify = async () => {
      const user = await this.users.verifyCurrent(userId, current, gone);
      return { ...user, nextHash: await this.users.hashNew(user.email, next, gone) };
    };
    await this.users.whileVerified(verify, async (tx, { nextHash }) => {
      await this.users.setPasswordHash(tx, userId, nextHash);
      await this.sessions.endAll(tx, userId, sessionId);
    });
  }

  /** Removes the caller and everything of theirs. @throws Problem `credentials_invalid` for a wrong current password. */
  async deleteOwn({ userId }: Principal, current: string, gone?: AbortSignal): Promise<void> {
    await this.users.whileVerified(
      () => this.users.verifyCurrent(userId, current, gone),
      (tx) => this.#delete(tx, userId),
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
