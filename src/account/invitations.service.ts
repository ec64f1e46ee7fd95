import { Injectable } from '@nestjs/common';
import { PrismaService } from '../database/prisma.service.js';
import { OneTimeTokensService } from '../one-time-tokens/one-time-tokens.service.js';
import { InvitedUsersService } from '../users/invited-users.service.js';
import { OperatorLinksService } from './operator-links.service.js';

/** Users whom an operator invites. */
@Injectable()
export class InvitationsService {
  constructor(
    private readonly prisma: PrismaService,
    private readonly invited: InvitedUsersService,
    private readonly tokens: OneTimeTokensService,
    private readonly links: OperatorLinksService,
  ) {}

  /** Ends earlier invitations of the address. @returns the link where there is no mail @throws Problem `email_taken` */
  inviteUser(email: string): Promise<string | undefined> {
    return this.prisma.transaction(async (tx) => {
      const user = await this.invited.inviteUser(tx, email);
      await this.tokens.endTokens(tx, user.id, ['invitation']);
      return this.links.provideLink(tx, 'invitation', user);
    });
  }
}
