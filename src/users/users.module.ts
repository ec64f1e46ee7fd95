import { Module } from '@nestjs/common';
import { AuditModule } from '../audit/audit.module.js';
import { DatabaseModule } from '../database/database.module.js';
import { MailModule } from '../mail/mail.module.js';
import { OneTimeTokensModule } from '../one-time-tokens/one-time-tokens.module.js';
import { RateLimitsModule } from '../rate-limits/rate-limits.module.js';
import { PasswordsModule } from '../passwords/passwords.module.js';
import { RevocationModule } from '../revocation/revocation.module.js';
import { SessionsModule } from '../sessions/sessions.module.js';
import { AccountDeletionService } from './account-deletion.service.js';
import { AccountExportService } from './account-export.service.js';
import { AppDataService } from './app-data.service.js';
import { ClaimsService } from './claims.service.js';
import { ExportedLists } from './exported-lists.js';
import { PasswordChangeService } from './password-change.service.js';
import { PasswordVerificationService } from './password-verification.service.js';
import { RecentLoginService } from './recent-login.service.js';
import { InvitedUsersService } from './invited-users.service.js';
import { PendingRegistrationsService } from './pending-registrations.service.js';
import { RegistrationService } from './registration.service.js';
import { UserAdministrationService } from './user-administration.service.js';
import { TokenLengthCheck } from './token-length.check.js';
import { UserCreationService } from './user-creation.service.js';
import { UserProofsService } from './user-proofs.service.js';
import { UserRolesService } from './user-roles.service.js';
import { UserVersionRepairService } from './user-version-repair.service.js';
import { Users } from './users.js';
import { UsersRepository } from './users.repository.js';
import { UsersService } from './users.service.js';

/** What commands use, too; the routes are in `users-routes.module.ts`. */
@Module({
  imports: [
    AuditModule,
    DatabaseModule,
    RateLimitsModule,
    PasswordsModule,
    RevocationModule,
    SessionsModule,
    MailModule,
    OneTimeTokensModule,
  ],
  providers: [
    UsersRepository,
    UsersService,
    RegistrationService,
    UserCreationService,
    InvitedUsersService,
    PendingRegistrationsService,
    UserProofsService,
    PasswordVerificationService,
    PasswordChangeService,
    AccountDeletionService,
    AccountExportService,
    ExportedLists,
    RecentLoginService,
    UserAdministrationService,
    UserRolesService,
    UserVersionRepairService,
    ClaimsService,
    AppDataService,
    TokenLengthCheck,
    Users,
  ],
  exports: [
    UsersService,
    RegistrationService,
    InvitedUsersService,
    UserCreationService,
    UserProofsService,
    PasswordVerificationService,
    PasswordChangeService,
    AccountDeletionService,
    AccountExportService,
    RecentLoginService,
    UserAdministrationService,
    UserRolesService,
    ClaimsService,
    AppDataService,
    Users,
  ],
})
export class UsersModule {}
