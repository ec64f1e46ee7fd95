import type { DatabaseConfig } from '../config/config.js';
import { directTarget } from './connection-string.js';
import { openConnection } from './open-connection.js';
import type { Transaction } from './prisma.service.js';

/** Held during migrations and while the first signing keys are created. */
export const START_LOCK = 4_701_001;
/** Held from before a revocation gets its id until its commit, so that ids become visible in order. */
export const REVOCATIONS_LOCK = 4_701_002;
/** Held while a signing key changes its state. */
export const KEYS_LOCK = 4_701_003;
export const PURGE_SESSIONS_LOCK = 4_701_004;
export const PURGE_REVOCATIONS_LOCK = 4_701_005;
export const PURGE_LIMITS_LOCK = 4_701_006;
export const PURGE_AUDIT_LOCK = 4_701_007;
export const PURGE_GUARDS_LOCK = 4_701_009;

/** Longest wait for the lock: enough for the migrations of another node that starts at the same time. */
const LOCK_TIMEOUT_MS = 120_000;

/**
 * Runs the work while this process holds a session-level advisory lock, on a dedicated connection. The lock ends with the
 * connection, so a killed process leaves none behind.
 */
export async function withAdvisoryLock<Result>(
  config: Pick<DatabaseConfig, 'databaseUrl' | 'databaseDirectUrl' | 'databaseConnectionTimeoutMs'>,
  lock: number,
  work: () => Promise<Result>,
): Promise<Result> {
  const client = await openConnection(directTarget(config), {
    connectionTimeoutMillis: config.databaseConnectionTimeoutMs,
    application_name: 'gatehouse lock',
  });
  try {
    await client.query(`SET lock_timeout = ${LOCK_TIMEOUT_MS}`);
    await client.query('SELECT pg_advisory_lock($1)', [lock]);
    return await work();
  } finally {
    await client.end();
  }
}

/** Waits for the lock and holds it until the transaction ends: PostgreSQL releases it only after the commit is visible. */
export async function lockUntilTransactionEnds(tx: Transaction, id: number): Promise<void> {
  await tx.$executeRaw`SELECT pg_advisory_xact_lock(${id}::bigint)`;
}
