import { Injectable } from '@nestjs/common';
import type { Actor } from '../audit/audit-events.js';
import { AuditService } from '../audit/audit.service.js';
import { PrismaService, type Transaction } from '../database/prisma.service.js';
import { RevocationsService } from '../revocation/revocations.service.js';
import { TokenLengthCheck } from './token-length.check.js';
import { checkRole, checkRoles } from './roles.js';
import { userNotFound } from './users.problems.js';
import { UsersRepository } from './users.repository.js';

/**
 * Grants and takes away roles. Every change makes all nodes refuse the user's access tokens within a second; the sessions go
 * on, and a refresh gets tokens with the new roles.
 */
@Injectable()
export class UserRolesService {
  constructor(
    private readonly prisma: PrismaService,
    private readonly repository: UsersRepository,
    private readonly revocations: RevocationsService,
    private readonly audit: AuditService,
    private readonly tokenLengths: TokenLengthCheck,
  ) {}

  /**
   * Does nothing where the user has the role already.
   * @throws Problem `user_not_found`; `validation_failed` for a text that is no role, one role too many, or one with
   * which the access tokens could be too long
   */
  async grantRole(userId: string, role: string, by: Actor = 'operator', tx?: Transaction): Promise<void> {
    checkRole(role);
    await this.prisma.runIn(tx, (inTx) => this.#changeRoles(inTx, userId, 'role_granted', role, by));
  }

  /** Does nothing where the user does not have the role. @throws Problem `user_not_found` or `validation_failed`. */
  async ungrantRole(userId: string, role: string, by: Actor = 'operator', tx?: Transaction): Promise<void> {
    checkRole(role);
    await this.prisma.runIn(tx, (inTx) => this.#changeRoles(inTx, userId, 'role_ungranted', role, by));
  }

  async #changeRoles(
    tx: Transaction,
    userId: string,
    event: 'role_granted' | 'role_ungranted',
    role: string,
    by: Actor,
  ): Promise<void> {
    const user = await this.repository.lockUser(tx, userId);
    if (user === undefined) throw userNotFound();
    const others = user.roles.filter((each) => each !== role);
    const roles = event === 'role_granted' ? [...others, role].toSorted() : others;
    checkRoles(roles);
    if (event === 'role_granted') this.tokenLengths.requireRoom(user.email, roles);
    const version = await this.repository.setRoles(tx, user.id, roles);
    if (version === undefined) return;
    await this.audit.recordEvent(tx, { event, by, userId: user.id, details: { role } });
    this.revocations.addUserVersion(tx, user.id, version);
  }
}
