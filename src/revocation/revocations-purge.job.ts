import { Injectable } from '@nestjs/common';
import { PURGE_REVOCATIONS_LOCK } from '../database/advisory-lock.js';
import { BackgroundJobs } from '../jobs/background-jobs.js';
import { RevocationsRepository } from './revocations.repository.js';

const PURGE_INTERVAL_SECONDS = 60;

/** Deletes revocations that no valid token can match any more. */
@Injectable()
export class RevocationsPurgeJob {
  constructor(
    private readonly jobs: BackgroundJobs,
    private readonly repository: RevocationsRepository,
  ) {
    jobs.addRecurringJob(PURGE_INTERVAL_SECONDS, 'purge revocations', () => this.purgeRevocations());
  }

  purgeRevocations(): Promise<void> {
    return this.jobs.purgeInBatches(PURGE_REVOCATIONS_LOCK, (query, after) =>
      this.repository.purgeRevocationBatch(query, after),
    );
  }
}
