import { Module } from '@nestjs/common';
import { AccessModule } from '../access/access.module.js';
import { AuditModule } from '../audit/audit.module.js';
import { DatabaseModule } from '../database/database.module.js';
import { RateLimitsModule } from '../rate-limits/rate-limits.module.js';
import { PasswordsModule } from '../passwords/passwords.module.js';
import { SessionsModule } from '../sessions/sessions.module.js';
import { AccountDeletionService } from './account-deletion.service.js';
import { PasswordChangeService } from './password-change.service.js';
import { PasswordVerificationService } from './password-verification.service.js';
import { RegistrationService } from './registration.service.js';
import { UserAdministrationService } from './user-administration.service.js';
import { UsersController } from './users.controller.js';
import { UsersRepository } from './users.repository.js';
import { UsersService } from './users.service.js';

@Module({
  imports: [AccessModule, AuditModule, DatabaseModule, RateLimitsModule, PasswordsModule, SessionsModule],
  controllers: [UsersController],
  providers: [
    UsersRepository,
    UsersService,
    RegistrationService,
    PasswordVerificationService,
    PasswordChangeService,
    AccountDeletionService,
    UserAdministrationService,
  ],
  exports: [UsersService, RegistrationService, PasswordVerificationService, UserAdministrationService],
})
export class UsersModule {}
