import pg from 'pg';
import type { Config } from '../config/config.js';

/** Held while the schema is migrated and while the first keys are made. */
export const START_LOCK = 4_701_001;

/** Long enough for the migrations of another node that starts at the same time. */
const LONGEST_WAIT_MS = 120_000;

/**
 * Runs the work while this process alone holds a session-level advisory lock, on a connection of its own. The lock ends
 * with the connection, so a killed process leaves none behind.
 */
export async function withAdvisoryLock<Result>(
  config: Pick<Config, 'databaseDirectUrl' | 'databaseConnectionTimeoutMs'>,
  lock: number,
  work: () => Promise<Result>,
): Promise<Result> {
  const client = new pg.Client({
    connectionString: config.databaseDirectUrl,
    connectionTimeoutMillis: config.databaseConnectionTimeoutMs,
    application_name: 'gatehouse lock',
  });
  client.on('error', () => undefined);
  await client.connect();
  try {
    await client.query(`SET lock_timeout = ${LONGEST_WAIT_MS}`);
    await client.query('SELECT pg_advisory_lock($1)', [lock]);
    return await work();
  } finally {
    await client.end();
  }
}
