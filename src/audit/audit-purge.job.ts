import { Inject, Injectable } from '@nestjs/common';
import { CONFIG, type Config } from '../config/config.js';
import { PURGE_AUDIT_LOCK } from '../database/advisory-lock.js';
import { BackgroundJobs } from '../jobs/background-jobs.js';
import { AuditRepository } from './audit.repository.js';

const PURGE_INTERVAL_SECONDS = 3600;

/** Deletes audit events older than `AUDIT_RETENTION_DAYS`. */
@Injectable()
export class AuditPurgeJob {
  constructor(
    @Inject(CONFIG) private readonly config: Config,
    private readonly jobs: BackgroundJobs,
    private readonly repository: AuditRepository,
  ) {
    jobs.addRecurringJob(PURGE_INTERVAL_SECONDS, 'purge audit trail', () => this.purgeEvents());
  }

  purgeEvents(): Promise<void> {
    const { auditRetentionDays } = this.config;
    return this.jobs.purgeInBatches(PURGE_AUDIT_LOCK, (query, after) =>
      this.repository.purgeEventBatch(query, auditRetentionDays, after),
    );
  }
}
