import { Injectable } from '@nestjs/common';
import { PURGE_ONE_TIME_TOKENS_LOCK } from '../database/advisory-lock.js';
import { BackgroundJobs } from '../jobs/background-jobs.js';
import { OneTimeTokensRepository } from './one-time-tokens.repository.js';

const PURGE_INTERVAL_SECONDS = 3600;

/** Deletes tokens that were used or expired a day ago. */
@Injectable()
export class OneTimeTokensPurgeJob {
  constructor(
    private readonly jobs: BackgroundJobs,
    private readonly repository: OneTimeTokensRepository,
  ) {
    jobs.addRecurringJob(PURGE_INTERVAL_SECONDS, 'purge one-time tokens', () => this.purgeTokens());
  }

  purgeTokens(): Promise<void> {
    return this.jobs.purgeInBatches(PURGE_ONE_TIME_TOKENS_LOCK, (query, after) =>
      this.repository.purgeTokenBatch(query, after),
    );
  }
}
