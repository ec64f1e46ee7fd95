import { Module } from '@nestjs/common';
import { AccessModule } from '../access/access.module.js';
import { DatabaseModule } from '../database/database.module.js';
import { LimitsModule } from '../limits/limits.module.js';
import { PasswordsModule } from '../passwords/passwords.module.js';
import { SessionsModule } from '../sessions/sessions.module.js';
import { TokensModule } from '../tokens/tokens.module.js';
import { Departure } from './departure.js';
import { HealthController } from './health.controller.js';
import { LimitMetrics } from './limit.metrics.js';
import { LoginMetrics } from './login.metrics.js';
import { MetricsRegistry } from './metrics.registry.js';
import { MetricsServer } from './metrics.server.js';
import { RequestMetrics } from './request.metrics.js';
import { ResourceMetrics } from './resource.metrics.js';
import { SessionMetrics } from './session.metrics.js';
import { TokenMetrics } from './token.metrics.js';

@Module({
  imports: [AccessModule, DatabaseModule, LimitsModule, PasswordsModule, SessionsModule, TokensModule],
  controllers: [HealthController],
  providers: [
    Departure,
    MetricsRegistry,
    ResourceMetrics,
    SessionMetrics,
    TokenMetrics,
    LimitMetrics,
    LoginMetrics,
    RequestMetrics,
    MetricsServer,
  ],
})
export class HealthModule {}
