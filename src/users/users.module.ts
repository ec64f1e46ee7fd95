import { Module } from '@nestjs/common';
import { AccessModule } from '../access/access.module.js';
import { AuditModule } from '../audit/audit.module.js';
import { DatabaseModule } from '../database/database.module.js';
import { RateLimitsModule } from '../rate-limits/rate-limits.module.js';
import { PasswordsModule } from '../passwords/passwords.module.js';
import { SessionsModule } from '../sessions/sessions.module.js';
import { AccountsService } from './accounts.service.js';
import { UsersController } from './users.controller.js';
import { UsersRepository } from './users.repository.js';
import { UsersService } from './users.service.js';

@Module({
  imports: [AccessModule, AuditModule, DatabaseModule, RateLimitsModule, PasswordsModule, SessionsModule],
  controllers: [UsersController],
  providers: [UsersRepository, UsersService, AccountsService],
  exports: [UsersService, AccountsService],
})
export class UsersModule {}
