import { Module } from '@nestjs/common';
import { DatabaseModule } from '../database/database.module.js';
import { JobsModule } from '../jobs/jobs.module.js';
import { TokensModule } from '../tokens/tokens.module.js';
import { RevocationStaleness } from './revocation-staleness.js';
import { RevocationsPurgeJob } from './revocations-purge.job.js';
import { RevocationsRepository } from './revocations.repository.js';
import { RevocationsService } from './revocations.service.js';

@Module({
  imports: [DatabaseModule, JobsModule, TokensModule],
  providers: [RevocationsRepository, RevocationsService, RevocationsPurgeJob, RevocationStaleness],
  exports: [RevocationsService, RevocationStaleness],
})
export class RevocationModule {}
