import { Module } from '@nestjs/common';
import { DatabaseModule } from '../database/database.module.js';
import { JobsModule } from '../jobs/jobs.module.js';
import { OneTimeTokenCodec } from './one-time-token-codec.js';
import { OneTimeTokensPurgeJob } from './one-time-tokens-purge.job.js';
import { OneTimeTokensRepository } from './one-time-tokens.repository.js';
import { OneTimeTokensService } from './one-time-tokens.service.js';

@Module({
  imports: [DatabaseModule, JobsModule],
  providers: [OneTimeTokenCodec, OneTimeTokensRepository, OneTimeTokensService, OneTimeTokensPurgeJob],
  exports: [OneTimeTokensService],
})
export class OneTimeTokensModule {}
