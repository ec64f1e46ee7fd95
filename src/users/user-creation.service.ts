import { Inject, Injectable } from '@nestjs/common';
import type { AuditEvent } from '../audit/audit-events.js';
import { AuditService } from '../audit/audit.service.js';
import { statementsOf } from '../database/database.js';
import { Prisma, PrismaService, type Transaction } from '../database/prisma.service.js';
import type { ClientInfo } from '../http/client-info.js';
import { MailRequestsService } from '../mail/mail-requests.service.js';
import { APPLICATION_HOOKS, type BoundHooks, type RegisteredUser } from './application-hooks.js';
import { UsersRepository, type NewUser } from './users.repository.js';

/** The event is written after the user. */
const NOTHING_ELSE = (): Prisma.Sql[] => [Prisma.sql`SELECT 1`];

/** What the database and the application have made of a {@link NewUser}. */
interface CreatedUser {
  readonly createdAt: Date;
  readonly roles: readonly string[];
}

/** Makes users in the database, together with what the application adds to each. */
@Injectable()
export class UserCreationService {
  constructor(
    private readonly prisma: PrismaService,
    private readonly repository: UsersRepository,
    private readonly audit: AuditService,
    private readonly mailRequests: MailRequestsService,
    @Inject(APPLICATION_HOOKS) private readonly hooks: BoundHooks,
  ) {}

  /**
   * One statement, or a transaction where the application adds to it. Asks for the mail by which the user verifies the address.
   * @throws Problem `email_taken`, or what `onRegistered` throws: then there is no user
   */
  async createUser(user: NewUser, by: ClientInfo): Promise<CreatedUser> {
    const registered: AuditEvent = { event: 'user_registered', by, userId: user.id };
    const created = await this.#insertUser(user, registered, by);
    this.audit.logEvent(registered);
    return created;
  }

  /** In the transaction by which the owner of the address makes the user. @throws as {@link createUser} does */
  async createVerifiedUser(tx: Transaction, user: NewUser, by: ClientInfo): Promise<void> {
    const createdAt = await this.repository.insertUser({ ...user, emailVerified: true }, NOTHING_ELSE, tx);
    await this.audit.recordEvent(tx, { event: 'user_registered', by, userId: user.id });
    await this.runOnRegistered(tx, { ...user, createdAt });
  }

  /** What the application adds to a user who is there from now on. @returns the roles that it has granted */
  async runOnRegistered(
    tx: Transaction,
    { id, email, profile, createdAt }: RegisteredUser,
  ): Promise<readonly string[]> {
    const { onRegistered } = this.hooks;
    if (onRegistered === undefined) return [];
    const registered = { id, email, profile: structuredClone(profile), createdAt };
    await this.prisma.runApplicationWork(tx, () => onRegistered(statementsOf(tx), registered));
    const user = await this.repository.lockUser(tx, id);
    if (user === undefined)
      throw new Error('onRegistered has deleted the user: throw a problem instead, which undoes the registration.');
    return user.roles;
  }

  async #insertUser(user: NewUser, registered: AuditEvent, by: ClientInfo): Promise<CreatedUser> {
    const request = { purpose: 'email_verification', email: user.email } as const;
    const belongings = (part: string): Prisma.Sql[] => [
      this.audit.eventInsertSql(registered, part),
      ...(this.mailRequests.areOn ? [this.mailRequests.requestInsertSql(request, by)] : []),
    ];
    const insert = (tx?: Transaction): Promise<Date> => this.repository.insertUser(user, belongings, tx);
    if (this.hooks.onRegistered === undefined) return { createdAt: await insert(), roles: [] };
    return this.prisma.transaction(async (tx) => {
      const createdAt = await insert(tx);
      const roles = await this.runOnRegistered(tx, { ...user, createdAt });
      return { createdAt, roles };
    });
  }
}
