import { Injectable } from '@nestjs/common';
import { tokenMissing } from '../access/access.problems.js';
import type { Principal } from '../access/principal.js';
import { AuditService } from '../audit/audit.service.js';
import { PrismaService } from '../database/prisma.service.js';
import type { ClientInfo } from '../http/client-info.js';
import type { OneTimeToken } from '../one-time-tokens/one-time-token.js';
import { mailTokenInvalid } from '../one-time-tokens/one-time-tokens.problems.js';
import { OneTimeTokensService } from '../one-time-tokens/one-time-tokens.service.js';
import { serviceUnavailable } from '../problems/http-status.problems.js';
import type { Credential } from '../users/credential.js';
import { UserProofsService } from '../users/user-proofs.service.js';
import { LinkUsersService } from './link-users.service.js';

/** Marks an address as that of its user, who has opened the link in a mail to it. */
@Injectable()
export class EmailVerificationService {
  constructor(
    private readonly prisma: PrismaService,
    private readonly tokens: OneTimeTokensService,
    private readonly users: LinkUsersService,
    private readonly proofs: UserProofsService,
    private readonly audit: AuditService,
  ) {}

  /** Whether the caller may use the link without the password. @throws Problem `token_missing` or `mail_token_invalid` */
  requireOwner(token: OneTimeToken, caller: Principal | undefined): void {
    if (caller === undefined) {
      throw tokenMissing({ detail: 'Send the password, or an access token of the user as Authorization: Bearer.' });
    }
    if (caller.userId !== token.userId) throw mailTokenInvalid();
  }

  /**
   * @param verified the user whose password was right, if that was asked for
   * @throws Problem `mail_token_invalid`, or `service_unavailable` where the password was changed meanwhile
   */
  async verifyEmail(token: OneTimeToken, client: ClientInfo, verified?: Credential): Promise<void> {
    await this.prisma.transaction(async (tx) => {
      const user = await this.users.lockLinkUser(tx, token);
      if (verified !== undefined && user.passwordHash !== verified.passwordHash) throw serviceUnavailable();
      await this.tokens.useToken(tx, token);
      if (!(await this.proofs.verifyEmail(tx, user))) return;
      await this.audit.recordEvent(tx, { event: 'email_verified', by: client, userId: user.id });
    });
  }
}
