import { Injectable } from '@nestjs/common';
import { PURGE_SESSIONS_LOCK } from '../database/advisory-lock.js';
import { BackgroundJobs } from '../jobs/background-jobs.js';
import { SessionsRepository } from './sessions.repository.js';

/** Rows are kept for a day anyway, and each walk reads the whole table. */
const PURGE_SECONDS = 3600;

/** Deletes sessions that have been over for a day. */
@Injectable()
export class SessionsPurgeJob {
  constructor(
    private readonly jobs: BackgroundJobs,
    private readonly repository: SessionsRepository,
  ) {
    jobs.addRecurringJob(PURGE_SECONDS, 'purge sessions', () => this.purgeSessions());
  }

  purgeSessions(): Promise<void> {
    return this.jobs.purgeInBatches(PURGE_SESSIONS_LOCK, (query, after) =>
      this.repository.purgeSessionBatch(query, after),
    );
  }
}
