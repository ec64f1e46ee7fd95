import { Injectable } from '@nestjs/common';
import { PURGE_SESSIONS_LOCK } from '../database/advisory-lock.js';
import { BackgroundJobs } from '../jobs/background-jobs.js';
import { SessionsRepository } from './sessions.repository.js';

/** How long a session keeps its row after it ended or expired, so that its refresh token gets a precise error. */
export const SESSION_RETENTION_SECONDS = 86_400;
/** Each run reads the whole table. */
const PURGE_INTERVAL_SECONDS = 3600;

/** Deletes sessions that ended or expired a day ago. */
@Injectable()
export class SessionsPurgeJob {
  constructor(
    private readonly jobs: BackgroundJobs,
    private readonly repository: SessionsRepository,
  ) {
    jobs.addRecurringJob(PURGE_INTERVAL_SECONDS, 'purge sessions', () => this.purgeSessions());
  }

  purgeSessions(): Promise<void> {
    return this.jobs.purgeInBatches(PURGE_SESSIONS_LOCK, (query, after) =>
      this.repository.purgeSessionBatch(query, SESSION_RETENTION_SECONDS, after),
    );
  }
}
