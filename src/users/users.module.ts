import { Module } from '@nestjs/common';
import { AccessModule } from '../access/access.module.js';
import { AuditModule } from '../audit/audit.module.js';
import { DatabaseModule } from '../database/database.module.js';
import { RateLimitsModule } from '../rate-limits/rate-limits.module.js';
import { PasswordsModule } from '../passwords/passwords.module.js';
import { RevocationModule } from '../revocation/revocation.module.js';
import { SessionsModule } from '../sessions/sessions.module.js';
import { AccountDeletionService } from './account-deletion.service.js';
import { AppDataService } from './app-data.service.js';
import { ClaimsService } from './claims.service.js';
import { PasswordChangeService } from './password-change.service.js';
import { PasswordVerificationService } from './password-verification.service.js';
import { RegistrationService } from './registration.service.js';
import { UserAdministrationService } from './user-administration.service.js';
import { TokenLengthCheck } from './token-length.check.js';
import { UserCreationService } from './user-creation.service.js';
import { UserRolesService } from './user-roles.service.js';
import { UserVersionRepairService } from './user-version-repair.service.js';
import { Users } from './users.js';
import { UsersController } from './users.controller.js';
import { UsersRepository } from './users.repository.js';
import { UsersService } from './users.service.js';

@Module({
  imports: [
    AccessModule,
    AuditModule,
    DatabaseModule,
    RateLimitsModule,
    PasswordsModule,
    RevocationModule,
    SessionsModule,
  ],
  controllers: [UsersController],
  providers: [
    UsersRepository,
    UsersService,
    RegistrationService,
    UserCreationService,
    PasswordVerificationService,
    PasswordChangeService,
    AccountDeletionService,
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
    PasswordVerificationService,
    UserAdministrationService,
    UserRolesService,
    ClaimsService,
    AppDataService,
    Users,
  ],
})
export class UsersModule {}
