import type { DatabaseConfig } from '../config/config.js';
import { PRISMA_CLI_LOCK } from './advisory-lock.js';
import { directTarget } from './connection-string.js';
import { openConnection } from './open-connection.js';
import type { ProvidedDatabase } from './provide-database.js';

/** An interrupted engine only has to drop its scratch database. */
const MAX_WAIT_MS = 30_000;

/** Tells {@link stopAfterEngines} that this engine runs, until its process ends. */
export async function holdEngineLock(url: string): Promise<void> {
  const client = await openConnection({ url, isPooled: false }, { application_name: 'gatehouse prisma' });
  await client.query('SELECT pg_advisory_lock_shared($1)', [PRISMA_CLI_LOCK]);
}

/** Stops the server once the engines have ended, which outlive an interrupted CLI. */
export async function stopAfterEngines(database: ProvidedDatabase): Promise<void> {
  await waitForEngines(database.config).catch(() => undefined);
  await database.stop();
}

async function waitForEngines(config: DatabaseConfig): Promise<void> {
  const client = await openConnection(directTarget(config), { application_name: 'gatehouse prisma' });
  try {
    await client.query(`SET lock_timeout = ${MAX_WAIT_MS}`);
    await client.query('SELECT pg_advisory_lock($1)', [PRISMA_CLI_LOCK]);
  } finally {
    await client.end();
  }
}
