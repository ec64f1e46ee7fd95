import { Module } from '@nestjs/common';
import { DatabaseModule } from '../database/database.module.js';
import { JobsModule } from '../jobs/jobs.module.js';
import { DeviceTokens } from './device-tokens.js';
import { LimitKeys } from './limit-keys.js';
import { LimitsRepository } from './rate-limits.repository.js';
import { LimitsService } from './rate-limits.service.js';

@Module({
  imports: [DatabaseModule, JobsModule],
  providers: [LimitsRepository, LimitKeys, DeviceTokens, LimitsService],
  exports: [LimitsService],
})
export class LimitsModule {}
