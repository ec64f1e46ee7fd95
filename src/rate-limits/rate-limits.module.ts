import { Module } from '@nestjs/common';
import { DatabaseModule } from '../database/database.module.js';
import { JobsModule } from '../jobs/jobs.module.js';
import { ApplicationRateLimits } from './application-rate-limits.js';
import { ChargingService } from './charging.service.js';
import { DeviceTokens } from './device-tokens.js';
import { LimitKeys } from './limit-keys.js';
import { LimitRefusals } from './limit-refusals.js';
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
    ChargingService,
    ApplicationRateLimits,
    RateLimitsService,
    RateLimitsPurgeJob,
  ],
  exports: [RateLimitsService, LimitRefusals, ApplicationRateLimits],
})
export class RateLimitsModule {}
