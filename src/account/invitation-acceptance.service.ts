import { Injectable } from '@nestjs/common';
import { AuditService } from '../audit/audit.service.js';
import { PrismaService } from '../database/prisma.service.js';
import type { ClientInfo } from '../http/client-info.js';
import { OneTimeTokensService } from '../one-time-tokens/one-time-tokens.service.js';
import { InvitedUsersService } from '../users/invited-users.service.js';
import type { StoredJson } from '../users/stored-json.js';
import { LinkUsersService } from './link-users.service.js';
import type { ChosenPassword } from './new-password.service.js';

/** Sets the first password of a user whom an operator has invited. */
@Injectable()
export class InvitationAcceptanceService {
  constructor(
    private readonly prisma: PrismaService,
    private readonly tokens: OneTimeTokensService,
    private readonly users: LinkUsersService,
    private readonly invited: InvitedUsersService,
    private readonly audit: AuditService,
  ) {}

  /** @throws Problem `mail_token_invalid`, or what `onRegistered` throws */
  async acceptInvitation(
    { token, passwordHash }: ChosenPassword,
    profile: StoredJson | undefined,
    client: ClientInfo,
  ): Promise<void> {
    await this.prisma.transaction(async (tx) => {
      const user = await this.users.lockLinkUser(tx, token);
      await this.tokens.useToken(tx, token);
      await this.invited.acceptInvitation(tx, user, { passwordHash, profile });
      await this.audit.recordEvent(tx, { event: 'invitation_accepted', by: client, userId: user.id });
    });
  }
}
