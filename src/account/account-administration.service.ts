import { Injectable } from '@nestjs/common';
import { AuditService } from '../audit/audit.service.js';
import { PrismaService, type Transaction } from '../database/prisma.service.js';
import type { Credential } from '../users/credential.js';
import { InvitedUsersService } from '../users/invited-users.service.js';
import { UserProofsService } from '../users/user-proofs.service.js';
import { userNotFound } from '../users/users.problems.js';
import { UsersService } from '../users/users.service.js';
import { OperatorLinksService } from './operator-links.service.js';

/** How an operator helps a user to get in. */
@Injectable()
export class AccountAdministrationService {
  constructor(
    private readonly prisma: PrismaService,
    private readonly users: UsersService,
    private readonly links: OperatorLinksService,
    private readonly invited: InvitedUsersService,
    private readonly proofs: UserProofsService,
    private readonly audit: AuditService,
  ) {}

  /** Mails a link for a new password, or to who has not accepted an invitation, that. @returns the link where there is no mail @throws Problem `user_not_found` */
  resetPassword(email: string): Promise<string | undefined> {
    return this.#withUser(email, async (tx, user) => {
      if (user.disabledAt !== null)
        throw new Error('The user is disabled, and no link would be accepted: enable the user first.');
      const purpose = this.invited.isInvited(user) ? 'invitation' : 'password_reset';
      const event = purpose === 'invitation' ? 'user_invited' : 'password_link_created';
      await this.audit.recordEvent(tx, { event, by: 'operator', userId: user.id });
      return this.links.provideLink(tx, purpose, user);
    });
  }

  /** @throws Problem `user_not_found`, and an error for who has not accepted an invitation */
  verifyEmail(email: string): Promise<void> {
    return this.#withUser(email, async (tx, user) => {
      if (this.invited.isInvited(user))
        throw new Error('The user has not accepted the invitation yet, and does so by its link.');
      if (!(await this.proofs.verifyEmail(tx, user))) return;
      await this.audit.recordEvent(tx, { event: 'email_verified', by: 'operator', userId: user.id });
    });
  }

  #withUser<Result>(email: string, work: (tx: Transaction, user: Credential) => Promise<Result>): Promise<Result> {
    return this.prisma.transaction(async (tx) => {
      const user = await this.users.lockUserByEmail(tx, email);
      if (user === undefined) throw userNotFound();
      return work(tx, user);
    });
  }
}
