import type { DatabaseConfig } from '../config/config.js';
import { START_LOCK } from './advisory-lock.js';
import { directTarget } from './connection-string.js';
import { openConnection } from './open-connection.js';

/** Longest wait for the lock: enough for the migrations of another node that starts at the same time. */
const LOCK_TIMEOUT_MS = 120_000;

/**
 * Runs a migration, or the creation of the first signing keys, while no other process does. This process holds
 * {@link START_LOCK}, a session-level advisory lock, on a dedicated connection. The lock ends with the connection, so a
 * killed process leaves none behind.
 */
export async function withStartupLock<Result>(
  config: Pick<DatabaseConfig, 'databaseUrl' | 'databaseDirectUrl' | 'databaseConnectionTimeoutMs'>,
  work: () => Promise<Result>,
  lockTimeoutMs = LOCK_TIMEOUT_MS,
): Promise<Result> {
  const client = await openConnection(directTarget(config), {
    connectionTimeoutMillis: config.databaseConnectionTimeoutMs,
    application_name: 'gatehouse lock',
  });
  try {
    await client.query(`SET lock_timeout = ${lockTimeoutMs}`);
    await client.query('SELECT pg_advisory_lock($1)', [START_LOCK]);
    return await work();
  } finally {
    await client.end();
  }
}
