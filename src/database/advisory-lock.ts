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
export const PURGE_MAILS_LOCK = 4_701_011;
export const PURGE_ONE_TIME_TOKENS_LOCK = 4_701_012;
/** Shared by the schema engines of the Prisma CLI while they run. */
export const PRISMA_CLI_LOCK = 4_701_010;

/** The advisory lock of Prisma's own engine while it migrates. */
export const PRISMA_LOCK = 72_707_369;

/**
 * Waits for the lock and holds it until the transaction ends: PostgreSQL releases it only after the commit is visible.
 */
export async function lockUntilTransactionEnds(tx: Transaction, id: number): Promise<void> {
  await tx.$executeRaw`SELECT pg_advisory_xact_lock(${id}::bigint)`;
}
