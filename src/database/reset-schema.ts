import pg from 'pg';
import type { DatabaseConfig } from '../config/config.js';
import { schemaOf } from '../config/postgres-url.js';
import { withStartupLock } from './startup-lock.js';
import { directTarget } from './connection-string.js';
import { runStatements } from './create-database.js';
import { openConnection } from './open-connection.js';

const INSUFFICIENT_PRIVILEGE = '42501';
/** A lock was not granted within `lock_timeout`, or only a deadlock would have granted it. */
const LOCK_CODES = new Set<string | undefined>(['55P03', '40P01']);
const MAX_SESSIONS_NAMED = 5;

/**
 * Drops everything in the URL's schema, tables and data alike, and nothing outside it. Waits `DATABASE_LOCK_TIMEOUT_MS`
 * for each lock.
 * @throws {Error} with what to do, when the role lacks the privilege or when other sessions use the schema.
 */
export async function resetSchema(config: DatabaseConfig): Promise<void> {
  const schema = pg.escapeIdentifier(schemaOf(config.databaseDirectUrl));
  try {
    await withStartupLock(config, () => dropAndCreate(config, schema), config.databaseLockTimeoutMs);
  } catch (error) {
    if (!(error instanceof pg.DatabaseError)) throw error;
    if (LOCK_CODES.has(error.code)) throw new Error(await inUseMessage(config, schema), { cause: error });
    if (error.code !== INSUFFICIENT_PRIVILEGE) throw error;
    throw new Error(
      `The role of ${directTarget(config).setting} may not drop and recreate the schema ${schema}, so nothing was changed: ${error.message}. Run the command with the schema's owner in the URL; the owner also needs CREATE on the database.`,
      { cause: error },
    );
  }
}

/**
 * In a transaction, so that both are done or neither: a role that may drop the schema may lack the privilege to create
 * it. And with a COMMIT of its own, so that nothing is dropped once this process has ended.
 */
async function dropAndCreate(
  { databaseDirectUrl, databaseLockTimeoutMs }: DatabaseConfig,
  schema: string,
): Promise<void> {
  await runStatements(
    databaseDirectUrl,
    'BEGIN',
    `SET LOCAL lock_timeout = ${databaseLockTimeoutMs}`,
    `DROP SCHEMA IF EXISTS ${schema} CASCADE`,
    `CREATE SCHEMA ${schema}`,
    'COMMIT',
  );
}

async function inUseMessage(config: DatabaseConfig, schema: string): Promise<string> {
  const sessions = await sessionsIn(config).catch(() => []);
  const named = sessions.length === 0 ? '' : ` Sessions that hold a lock: ${sessions.join(', ')}.`;
  return `The schema ${schema} is in use, so nothing was dropped: stop the service and other sessions, then run the command again.${named}`;
}

/** Sessions with a lock on the schema's tables, or with an advisory lock, such as a migration that runs. */
async function sessionsIn(config: DatabaseConfig): Promise<string[]> {
  const client = await openConnection(directTarget(config), {
    connectionTimeoutMillis: config.databaseConnectionTimeoutMs,
    query_timeout: config.databaseStatementTimeoutMs,
  });
  try {
    const { rows } = await client.query<{ pid: number; role: string | null; name: string | null }>(
      `SELECT DISTINCT pid, usename AS role, application_name AS name
       FROM pg_locks JOIN pg_stat_activity USING (pid) LEFT JOIN pg_class ON pg_class.oid = relation
       WHERE granted AND pid <> pg_backend_pid() AND datname = current_database()
         AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
         AND (locktype = 'advisory' OR relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = $1))
       ORDER BY pid LIMIT ${MAX_SESSIONS_NAMED}`,
      [schemaOf(config.databaseDirectUrl)],
    );
    return rows.map(({ pid, role, name }) => `${name || 'unnamed'} (pid ${pid}, role ${role})`);
  } finally {
    await client.end();
  }
}
