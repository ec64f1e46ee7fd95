import { Module } from '@nestjs/common';
import { AccessModule } from '../access/access.module.js';
import { DatabaseModule } from '../database/database.module.js';
import { SessionsModule } from '../sessions/sessions.module.js';
import { TokensModule } from '../tokens/tokens.module.js';
import { UsersModule } from '../users/users.module.js';
import { AccountsService } from './accounts.service.js';
import { AuthController } from './auth.controller.js';
import { AuthService } from './auth.service.js';
import { JwksController } from './jwks.controller.js';

@Module({
  imports: [DatabaseModule, AccessModule, TokensModule, SessionsModule, UsersModule],
  controllers: [AuthController, JwksController],
  providers: [AuthService, AccountsService],
  exports: [AccessModule, AccountsService],
})
export class AuthModule {}
