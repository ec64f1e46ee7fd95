import { Module } from '@nestjs/common';
import { DiscoveryModule } from '@nestjs/core';
import { PassportModule } from '@nestjs/passport';
import { LimitsModule } from '../rate-limits/rate-limits.module.js';
import { PasswordsModule } from '../passwords/passwords.module.js';
import { RevocationModule } from '../revocation/revocation.module.js';
import { TokensModule } from '../tokens/tokens.module.js';
import { AccessTokenVerifier } from './access-token.verifier.js';
import { AddressLimit } from './address-limit.js';
import { Gate } from './authentication.hook.js';
import { JwtAuthGuard } from './jwt-auth.guard.js';
import { JwtStrategy } from './jwt.strategy.js';
import { LoginOutcomes } from './login-outcomes.js';
import { RouteSettingsCheck } from './route-settings.check.js';
import { Turnstile } from './hash-admission.hook.js';

@Module({
  imports: [DiscoveryModule, PassportModule, LimitsModule, PasswordsModule, TokensModule, RevocationModule],
  providers: [
    AccessTokenVerifier,
    JwtStrategy,
    Gate,
    JwtAuthGuard,
    Turnstile,
    AddressLimit,
    LoginOutcomes,
    RouteSettingsCheck,
  ],
  exports: [AccessTokenVerifier, AddressLimit, Gate, JwtAuthGuard, LoginOutcomes, RouteSettingsCheck, Turnstile],
})
export class AccessModule {}
