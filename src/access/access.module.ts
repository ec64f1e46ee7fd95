import { Module } from '@nestjs/common';
import { DiscoveryModule } from '@nestjs/core';
import { PassportModule } from '@nestjs/passport';
import { RateLimitsModule } from '../rate-limits/rate-limits.module.js';
import { PasswordsModule } from '../passwords/passwords.module.js';
import { RevocationModule } from '../revocation/revocation.module.js';
import { TokensModule } from '../tokens/tokens.module.js';
import { AccessTokenVerifier } from './access-token.verifier.js';
import { AddressLimit } from './address-limit.js';
import { ApplicationStrategies } from './application-strategies.js';
import { AuthenticationHook } from './authentication.hook.js';
import { EndedSignals } from './ended-signals.js';
import { JwtAuthGuard } from './jwt-auth.guard.js';
import { JwtStrategy } from './jwt.strategy.js';
import { LoginCounter } from './login-counter.js';
import { RouteRateLimitsHook } from './route-rate-limits.hook.js';
import { RouteSettingsCheck } from './route-settings.check.js';
import { HashAdmissionHook } from './hash-admission.hook.js';

@Module({
  imports: [DiscoveryModule, PassportModule, RateLimitsModule, PasswordsModule, TokensModule, RevocationModule],
  providers: [
    AccessTokenVerifier,
    JwtStrategy,
    AuthenticationHook,
    EndedSignals,
    ApplicationStrategies,
    JwtAuthGuard,
    HashAdmissionHook,
    RouteRateLimitsHook,
    AddressLimit,
    LoginCounter,
    RouteSettingsCheck,
  ],
  exports: [
    AccessTokenVerifier,
    AddressLimit,
    AuthenticationHook,
    JwtAuthGuard,
    LoginCounter,
    RouteSettingsCheck,
    HashAdmissionHook,
    RouteRateLimitsHook,
    ApplicationStrategies,
  ],
})
export class AccessModule {}
