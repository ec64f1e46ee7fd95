import { Module } from '@nestjs/common';
import { AccessModule } from '../access/access.module.js';
import { AuditModule } from '../audit/audit.module.js';
import { RateLimitsModule } from '../rate-limits/rate-limits.module.js';
import { RevocationModule } from '../revocation/revocation.module.js';
import { SessionsModule } from '../sessions/sessions.module.js';
import { TokensModule } from '../tokens/tokens.module.js';
import { UsersModule } from '../users/users.module.js';
import { AuthController } from './auth.controller.js';
import { AuthService } from './auth.service.js';
import { JwksController } from './jwks.controller.js';
import { KeysService } from './keys.service.js';
import { RestoreService } from './restore.service.js';
import { SessionsController } from './sessions.controller.js';

@Module({
  imports: [AuditModule, AccessModule, RateLimitsModule, TokensModule, RevocationModule, SessionsModule, UsersModule],
  controllers: [AuthController, SessionsController, JwksController],
  providers: [AuthService, KeysService, RestoreService],
  exports: [AccessModule, KeysService, RestoreService],
})
export class AuthModule {}
