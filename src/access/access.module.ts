import { Module } from '@nestjs/common';
import { PassportModule } from '@nestjs/passport';
import { SessionsModule } from '../sessions/sessions.module.js';
import { TokensModule } from '../tokens/tokens.module.js';
import { AccessTokenVerifier } from './access-token.verifier.js';
import { Gate } from './gate.js';
import { JwtAuthGuard } from './jwt-auth.guard.js';
import { JwtStrategy } from './jwt.strategy.js';

@Module({
  imports: [PassportModule, TokensModule, SessionsModule],
  providers: [AccessTokenVerifier, JwtStrategy, Gate, JwtAuthGuard],
  exports: [AccessTokenVerifier, Gate, JwtAuthGuard],
})
export class AccessModule {}
