import { Module } from '@nestjs/common';
import { PassportModule } from '@nestjs/passport';
import { LimitsModule } from '../limits/limits.module.js';
import { PasswordsModule } from '../passwords/passwords.module.js';
import { SessionsModule } from '../sessions/sessions.module.js';
import { TokensModule } from '../tokens/tokens.module.js';
import { AccessTokenVerifier } from './access-token.verifier.js';
import { AddressLimit } from './address-limit.js';
import { Gate } from './gate.js';
import { JwtAuthGuard } from './jwt-auth.guard.js';
import { JwtStrategy } from './jwt.strategy.js';
import { LoginOutcomes } from './login-outcomes.js';
import { Turnstile } from './turnstile.js';

@Module({
  imports: [PassportModule, LimitsModule, PasswordsModule, TokensModule, SessionsModule],
  providers: [AccessTokenVerifier, JwtStrategy, Gate, JwtAuthGuard, Turnstile, AddressLimit, LoginOutcomes],
  exports: [AccessTokenVerifier, AddressLimit, Gate, JwtAuthGuard, LoginOutcomes, Turnstile],
})
export class AccessModule {}
