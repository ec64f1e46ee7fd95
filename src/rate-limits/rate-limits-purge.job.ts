import { Injectable } from '@nestjs/common';
import { PURGE_GUARDS_LOCK, PURGE_LIMITS_LOCK } from '../database/advisory-lock.js';
import { BackgroundJobs } from '../jobs/background-jobs.js';
import { RateLimitsRepository } from './rate-limits.repository.js';

const PURGE_INTERVAL_SECONDS = 600;

/** Deletes the counts that limit nobody any more. */
@Injectable()
export class RateLimitsPurgeJob {
  constructor(
    private readonly jobs: BackgroundJobs,
    private readonly repository: RateLimitsRepository,
  ) {
    jobs.addRecurringJob(PURGE_INTERVAL_SECONDS, 'purge limits', () => this.purgeLimits());
    jobs.addRecurringJob(PURGE_INTERVAL_SECONDS, 'purge account guards', () => this.purgeAccountGuards());
  }

  purgeLimits(): Promise<void> {
    return this.jobs.purgeInBatches(PURGE_LIMITS_LOCK, (query, after) => this.repository.purgeLimits(query, after));
  }

  purgeAccountGuards(): Promise<void> {
    return this.jobs.purgeInBatches(PURGE_GUARDS_LOCK, (query, after) =>
      this.repository.purgeAccountGuards(query, after),
    );
  }
}
