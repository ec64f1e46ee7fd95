import { Module } from '@nestjs/common';
import { DatabaseModule } from '../database/database.module.js';
import { JobsModule } from '../jobs/jobs.module.js';
import { AttemptChargingService } from './attempt-charging.service.js';
import { DeviceTokens } from './device-tokens.js';
import { LimitKeys } from './limit-keys.js';
import { LimitRefusals } from './limit-refusals.js';
import { LoginLimitsService } from './login-limits.service.js';
import { RateLimitsPurgeJob } from './rate-limits-purge.job.js';
import { RateLimitsRepository } from './rate-limits.repository.js';
import { RateLimitsService } from './rate-limits.service.js';

@Module({
  imports: [DatabaseModule, JobsModule],
  providers: [
    RateLimitsRepository,
    LimitKeys,
    DeviceTokens,
    LimitRefusals,
    AttemptChargingService,
    RateLimitsService,
    LoginLimitsService,
    RateLimitsPurgeJob,
  ],
  exports: [RateLimitsService, LoginLimitsService, LimitRefusals],
})
export class RateLimitsModule {}
