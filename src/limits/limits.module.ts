import { Module } from '@nestjs/common';
import { DatabaseModule } from '../database/database.module.js';
import { DeviceTokens } from './device-tokens.js';
import { LimitKeys } from './limit-keys.js';
import { LimitsRepository } from './limits.repository.js';
import { LimitsService } from './limits.service.js';

@Module({
  imports: [DatabaseModule],
  providers: [LimitsRepository, LimitKeys, DeviceTokens, LimitsService],
  exports: [LimitsService],
})
export class LimitsModule {}
