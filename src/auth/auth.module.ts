import { Module } from '@nestjs/common';
import { AccessModule } from '../access/access.module.js';
import { AuditModule } from '../audit/audit.module.js';
import { DatabaseModule } from '../database/database.module.js';
import { MailModule } from '../mail/mail.module.js';
import { RateLimitsModule } from '../rate-limits/rate-limits.module.js';
import { RevocationModule } from '../revocation/revocation.module.js';
import { SessionsModule } from '../sessions/sessions.module.js';
import { TokensModule } from '../tokens/tokens.module.js';
import { UsersModule } from '../users/users.module.js';
import { AdministrationModule } from './administration.module.js';
import { AuthController } from './auth.controller.js';
import { JwksController } from './jwks.controller.js';
import { LoginService } from './login.service.js';
import { LogoutService } from './logout.service.js';
import { SessionsController } from './sessions.controller.js';
import { TokenRefreshService } from './token-refresh.service.js';
import { UnknownDevicesService } from './unknown-devices.service.js';

@Module({
  imports: [
    AdministrationModule,
    AuditModule,
    AccessModule,
    DatabaseModule,
    MailModule,
    RateLimitsModule,
    TokensModule,
    RevocationModule,
    SessionsModule,
    UsersModule,
  ],
  controllers: [AuthController, SessionsController, JwksController],
  providers: [LoginService, TokenRefreshService, LogoutService, UnknownDevicesService],
  exports: [AccessModule],
})
export class AuthModule {}
