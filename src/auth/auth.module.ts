import { Module } from '@nestjs/common';
import { AccessModule } from '../access/access.module.js';
import { AuditModule } from '../audit/audit.module.js';
import { DatabaseModule } from '../database/database.module.js';
import { RateLimitsModule } from '../rate-limits/rate-limits.module.js';
import { RevocationModule } from '../revocation/revocation.module.js';
import { SessionsModule } from '../sessions/sessions.module.js';
import { TokensModule } from '../tokens/tokens.module.js';
import { UsersModule } from '../users/users.module.js';
import { AuthController } from './auth.controller.js';
import { JwksController } from './jwks.controller.js';
import { KeyAdministrationService } from './key-administration.service.js';
import { LoginService } from './login.service.js';
import { LogoutService } from './logout.service.js';
import { AfterRestoreService } from './after-restore.service.js';
import { RegistrationController } from './registration.controller.js';
import { SessionsController } from './sessions.controller.js';
import { TokenRefreshService } from './token-refresh.service.js';

@Module({
  imports: [
    AuditModule,
    AccessModule,
    DatabaseModule,
    RateLimitsModule,
    TokensModule,
    RevocationModule,
    SessionsModule,
    UsersModule,
  ],
  controllers: [RegistrationController, AuthController, SessionsController, JwksController],
  providers: [LoginService, TokenRefreshService, LogoutService, KeyAdministrationService, AfterRestoreService],
  exports: [AccessModule, KeyAdministrationService, AfterRestoreService],
})
export class AuthModule {}
