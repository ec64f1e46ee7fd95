import { Injectable } from '@nestjs/common';
import { PrismaService } from '../database/prisma.service.js';
import type { ClientInfo } from '../http/client-info.js';
import { MailService } from '../mail/mail.service.js';
import { OneTimeTokensService } from '../one-time-tokens/one-time-tokens.service.js';
import { UserProofsService } from '../users/user-proofs.service.js';
import { LinkUsersService } from './link-users.service.js';
import type { ChosenPassword } from './new-password.service.js';

/** Sets a new password for who can read the mail of a user. Signs nobody in. */
@Injectable()
export class PasswordResetService {
  constructor(
    private readonly prisma: PrismaService,
    private readonly tokens: OneTimeTokensService,
    private readonly users: LinkUsersService,
    private readonly proofs: UserProofsService,
    private readonly mail: MailService,
  ) {}

  /**
   * Proves the address, too, and ends what an intruder may have prepared. Of any number of resets by one link at once, one succeeds (REC-02).
   * @throws Problem `mail_token_invalid`
   */
  async resetPassword({ token, passwordHash }: ChosenPassword, client: ClientInfo): Promise<void> {
    await this.prisma.transaction(async (tx) => {
      const user = await this.users.lockLinkUser(tx, token);
      await this.tokens.useToken(tx, token);
      await this.proofs.verifyEmail(tx, user);
      await this.proofs.replacePassword(tx, user, passwordHash, { event: 'password_reset', by: client });
      await this.mail.queueNotice(tx, 'password_changed', user.id, client);
    });
  }
}
