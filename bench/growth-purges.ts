import { AuditRepository } from '../dist/audit/audit.repository.js';
import type { Config } from '../dist/config/config.js';
import { parseSettings } from '../dist/config/read-settings.js';
import { CircuitBreaker } from '../dist/database/circuit-breaker.js';
import { PrismaService } from '../dist/database/prisma.service.js';
import { BackgroundJobs } from '../dist/jobs/background-jobs.js';
import type { PurgeStep } from '../dist/jobs/purge-in-batches.js';
import { RateLimitsRepository } from '../dist/rate-limits/rate-limits.repository.js';
import { RevocationsRepository } from '../dist/revocation/revocations.repository.js';
import { SessionLimits } from '../dist/sessions/session-limits.js';
import { SESSION_RETENTION_SECONDS } from '../dist/sessions/sessions-purge.job.js';
import { SessionsRepository } from '../dist/sessions/sessions.repository.js';
import { PURGED_ROWS } from './seeded-data.ts';

const ROWS_PER_BATCH = 1000;
/** No other purge has it, so that none of a node is waited for. */
const LOCK = 4711;

/** By the name of the table. */
function purgeSteps(config: Config): Readonly<Record<string, PurgeStep>> {
  // This client never connects.
  const prisma = new PrismaService(config, new CircuitBreaker());
  const limits = new RateLimitsRepository(prisma);
  const sessions = new SessionsRepository(prisma, new SessionLimits(config));
  return {
    rate_limits: (run, after) => limits.purgeLimits(run, after),
    account_guards: (run, after) => limits.purgeAccountGuards(run, after),
    sessions: (run, after) => sessions.purgeSessionBatch(run, SESSION_RETENTION_SECONDS, after),
    revocations: (run, after) => new RevocationsRepository().purgeRevocationBatch(run, after),
    audit_events: (run, after) => new AuditRepository(prisma).purgeEventBatch(run, config.auditRetentionDays, after),
  };
}

/** Runs each purge through the batches that contain the expired rows, which are the first. */
export async function purgeExpiredRows(databaseUrl: string, masterSecret: string): Promise<void> {
  const settings = parseSettings({ DATABASE_URL: databaseUrl, MASTER_SECRET: masterSecret });
  const urls = { databaseUrl, databaseDirectUrl: databaseUrl };
  const config: Config = { ...settings, ...urls, masterSecret: [masterSecret] };
  for (const step of Object.values(purgeSteps(config))) {
    let batches = PURGED_ROWS / ROWS_PER_BATCH;
    await new BackgroundJobs(config).purgeInBatches(LOCK, async (run, after) => {
      const last = await step(run, after);
      return --batches > 0 ? last : undefined;
    });
  }
}
