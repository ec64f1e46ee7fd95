import { Module } from '@nestjs/common';
import { AccessModule } from '../access/access.module.js';
import { DatabaseModule } from '../database/database.module.js';
import { JobsModule } from '../jobs/jobs.module.js';
import { MailModule } from '../mail/mail.module.js';
import { PasswordsModule } from '../passwords/passwords.module.js';
import { RateLimitsModule } from '../rate-limits/rate-limits.module.js';
import { RevocationModule } from '../revocation/revocation.module.js';
import { SessionsModule } from '../sessions/sessions.module.js';
import { TokensModule } from '../tokens/tokens.module.js';
import { LoginMetrics } from './login.metrics.js';
import { MailMetrics } from './mail.metrics.js';
import { MetricsRegistry } from './metrics.registry.js';
import { MetricsServer } from './metrics.server.js';
import { RateLimitMetrics } from './rate-limit.metrics.js';
import { RequestMetrics } from './request.metrics.js';
import { ResourceMetrics } from './resource.metrics.js';
import { SessionMetrics } from './session.metrics.js';
import { TokenMetrics } from './token.metrics.js';

@Module({
  imports: [
    AccessModule,
    DatabaseModule,
    JobsModule,
    MailModule,
    RateLimitsModule,
    PasswordsModule,
    RevocationModule,
    SessionsModule,
    TokensModule,
  ],
  providers: [
    MetricsRegistry,
    ResourceMetrics,
    SessionMetrics,
    TokenMetrics,
    RateLimitMetrics,
    LoginMetrics,
    MailMetrics,
    RequestMetrics,
    MetricsServer,
  ],
})
export class MetricsModule {}
