import { Module } from '@nestjs/common';
import { AuditModule } from '../audit/audit.module.js';
import { DatabaseModule } from '../database/database.module.js';
import { MailModule } from '../mail/mail.module.js';
import { OneTimeTokensModule } from '../one-time-tokens/one-time-tokens.module.js';
import { PasswordsModule } from '../passwords/passwords.module.js';
import { RateLimitsModule } from '../rate-limits/rate-limits.module.js';
import { SessionsModule } from '../sessions/sessions.module.js';
import { UsersModule } from '../users/users.module.js';
import { AccountAdministrationService } from './account-administration.service.js';
import { EmailChangeRequestService } from './email-change-request.service.js';
import { EmailChangeService } from './email-change.service.js';
import { EmailConfirmationService } from './email-confirmation.service.js';
import { EmailUndoService } from './email-undo.service.js';
import { EmailVerificationService } from './email-verification.service.js';
import { InvitationAcceptanceService } from './invitation-acceptance.service.js';
import { InvitationsService } from './invitations.service.js';
import { LinkPasswordService } from './link-password.service.js';
import { LinkUsersService } from './link-users.service.js';
import { MailAskingService } from './mail-asking.service.js';
import { MailRequestResolver } from './mail-request-resolver.service.js';
import { NewPasswordService } from './new-password.service.js';
import { OperatorLinksService } from './operator-links.service.js';
import { PasswordResetService } from './password-reset.service.js';
import { PendingEmailChangesService } from './pending-email-changes.service.js';
import { RegistrationConfirmationService } from './registration-confirmation.service.js';
import { UsedLinksService } from './used-links.service.js';

/** What commands use, too; the routes are in `account-routes.module.ts`. */
@Module({
  imports: [
    AuditModule,
    DatabaseModule,
    MailModule,
    OneTimeTokensModule,
    PasswordsModule,
    RateLimitsModule,
    SessionsModule,
    UsersModule,
  ],
  providers: [
    AccountAdministrationService,
    EmailChangeRequestService,
    EmailChangeService,
    EmailConfirmationService,
    EmailUndoService,
    EmailVerificationService,
    InvitationAcceptanceService,
    InvitationsService,
    LinkPasswordService,
    LinkUsersService,
    MailAskingService,
    MailRequestResolver,
    NewPasswordService,
    OperatorLinksService,
    PasswordResetService,
    PendingEmailChangesService,
    RegistrationConfirmationService,
    UsedLinksService,
  ],
  exports: [
    AccountAdministrationService,
    EmailChangeRequestService,
    EmailChangeService,
    EmailConfirmationService,
    EmailUndoService,
    InvitationAcceptanceService,
    InvitationsService,
    MailAskingService,
    NewPasswordService,
    PasswordResetService,
  ],
})
export class AccountModule {}
