import { Injectable } from '@nestjs/common';
import { PrismaService } from '../database/prisma.service.js';
import { SessionsService } from '../sessions/sessions.service.js';
import { UsersService } from '../users/users.service.js';

/** What an operator does to a user, with the sessions that go with it. */
@Injectable()
export class AccountsService {
  constructor(
    private readonly prisma: PrismaService,
    private readonly users: UsersService,
    private readonly sessions: SessionsService,
  ) {}

  /** Ends every session and refuses new ones. @throws Problem `user_not_found`. */
  async disable(email: string): Promise<void> {
    const id = await this.users.idOf(email);
    await this.prisma.transaction(async (tx) => {
      await this.users.lock(tx, id);
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
    await this.prisma.transaction((tx) => this.users.delete(tx, id));
  }
}
