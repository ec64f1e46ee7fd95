import { Injectable } from '@nestjs/common';
import { AuditService } from '../audit/audit.service.js';
import type { ClientInfo } from '../http/client-info.js';
import { MailService } from '../mail/mail.service.js';
import { UserProofsService } from '../users/user-proofs.service.js';
import { PendingEmailChangesService } from './pending-email-changes.service.js';
import { UsedLinksService } from './used-links.service.js';

/** Gives a user the address that was asked for, once its owner confirms it. */
@Injectable()
export class EmailChangeService {
  constructor(
    private readonly links: UsedLinksService,
    private readonly proofs: UserProofsService,
    private readonly pending: PendingEmailChangesService,
    private readonly mail: MailService,
    private readonly audit: AuditService,
  ) {}

  /** The sessions go on. @throws Problem `mail_token_invalid`, `mail_token_expired`, `email_taken` or `too_many_attempts` */
  async changeEmail(text: string, client: ClientInfo): Promise<void> {
    await this.links.useLink('email_change', text, client, async (tx, user, { email }) => {
      await this.proofs.changeEmail(tx, user, email);
      await this.audit.recordEvent(tx, { event: 'email_changed', by: client, userId: user.id });
      const isTold = await this.pending.tellOldAddress(tx, user, email, client);
      // Without a link to undo it the owner of the old address is told in words alone.
      const isOther = user.email.toLowerCase() !== email.toLowerCase();
      if (!isTold && user.emailVerified && isOther)
        await this.mail.queueNoticeTo(tx, 'address_changed', user.email, client);
    });
  }
}
