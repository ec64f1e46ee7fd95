import { Inject, Injectable } from '@nestjs/common';
import type { AuditEvent } from '../audit/audit-events.js';
import { AuditService } from '../audit/audit.service.js';
import { statementsOf } from '../database/database.js';
import { PrismaService, type Transaction } from '../database/prisma.service.js';
import type { ClientInfo } from '../http/client-info.js';
import { APPLICATION_HOOKS, type ApplicationHooks } from './application-hooks.js';
import { UsersRepository, type NewUser } from './users.repository.js';

/** Makes users in the database, together with what the application adds to each. */
@Injectable()
export class UserCreationService {
  constructor(
    private readonly prisma: PrismaService,
    private readonly repository: UsersRepository,
    private readonly audit: AuditService,
    @Inject(APPLICATION_HOOKS) private readonly hooks: ApplicationHooks,
  ) {}

  /**
   * One statement, or a transaction where the application adds to it.
   * @returns when the user was created
   * @throws Problem `email_taken`, or what `onRegistered` throws: then there is no user
   */
  async createUser(user: NewUser, by: ClientInfo): Promise<Date> {
    const registered: AuditEvent = { event: 'user_registered', by, userId: user.id };
    const createdAt = await this.#insertUser(user, registered);
    this.audit.logEvent(registered);
    return createdAt;
  }

  #insertUser(user: NewUser, registered: AuditEvent): Promise<Date> {
    const { onRegistered } = this.hooks;
    const insert = (tx?: Transaction): Promise<Date> =>
      this.repository.insertUser(user, (part) => this.audit.eventInsertSql(registered, part), tx);
    if (onRegistered === undefined) return insert();
    return this.prisma.transaction(async (tx) => {
      const createdAt = await insert(tx);
      const { id, email, profile } = user;
      await onRegistered(statementsOf(tx), { id, email, profile, createdAt });
      return createdAt;
    });
  }
}
