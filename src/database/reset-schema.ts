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

type ResetTarget = Pick<
  DatabaseConfig,
  | 'databaseUrl'
  | 'databaseDirectUrl'
  | 'databaseConnectionTimeoutMs'
  | 'databaseLockTimeoutMs'
  | 'databaseStatementTimeoutMs'
>;

/**
 * Drops everything in the URL's schema, tables and data alike, and nothing outside it. Waits `DATABASE_LOCK_TIMEOUT_MS`
 * for each lock.
 * @throws {Error} with what to do, when the role lacks the privilege or when other sessions use the schema.
 */
export async function resetSchema(config: ResetTarget): Promise<void> {
  const schema = pg.escapeIdentifier(schemaOf(config.databaseDirectUrl));
  try {
    await withStartupLock(config, () => dropAndCreate(config, schema), config.databaseLockTimeoutMs);
  } catch (error) {
    throw await explain(config, schema, error);
  }
}

/** Without a cause: its code would be explained again by whoever catches the error. */
async function explain(config: ResetTarget, schema: string, error: unknown): Promise<unknown> {
  if (!(error instanceof pg.DatabaseError)) return error;
  if (LOCK_CODES.has(error.code)) return new Error(await inUseMessage(config, schema));
  if (error.code !== INSUFFICIENT_PRIVILEGE) return error;
  const owner = await ownerOf(config).catch(() => undefined);
  return new Error(
    `The role of ${directTarget(config).setting} may not drop and recreate the schema ${schema}, so nothing was changed: ${error.message}. Run the command with the schema's owner${owner === undefined ? '' : `, ${owner},`} in the URL; the owner also needs CREATE on the database.`,
  );
}

/**
 * In a transaction, so that both are done or neither: a role that may drop the schema may lack the privilege to create
 * it. And with a COMMIT of its own, so that nothing is dropped once this process has ended.
 */
async function dropAndCreate({ databaseDirectUrl, databaseLockTimeoutMs }: ResetTarget, schema: string): Promise<void> {
  await runStatements(
    databaseDirectUrl,
    'BEGIN',
    `SET LOCAL lock_timeout = ${databaseLockTimeoutMs}`,
    `DROP SCHEMA IF EXISTS ${schema} CASCADE`,
    `CREATE SCHEMA ${schema}`,
    'COMMIT',
  );
}

async function inUseMessage(config: ResetTarget, schema: string): Promise<string> {
  const sessions = await sessionsIn(config).catch(() => []);
  const named = sessions.length === 0 ? '' : ` Sessions that hold a lock: ${sessions.join(', ')}.`;
  return `The schema ${schema} is in use, so nothing was dropped: stop the service and other sessions, then run the command again.${named}`;
}

/**
 * Sessions with a lock on the schema's tables or on those that its foreign keys name, which a DROP locks, too, or with an
 * advisory lock, such as a migration that runs.
 */
async function sessionsIn(config: ResetTarget): Promise<string[]> {
  const rows = await queryCatalog<{ pid: number; role: string | null; name: string | null }>(
    config,
    `SELECT DISTINCT pid, usename AS role, application_name AS name
     FROM pg_locks JOIN pg_stat_activity USING (pid) LEFT JOIN pg_class ON pg_class.oid = relation
       LEFT JOIN pg_namespace named ON nspname = $1
     WHERE granted AND pid <> pg_backend_pid() AND datname = current_database()
       AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
       AND (locktype = 'advisory' OR relnamespace = named.oid
         OR relation IN (SELECT confrelid FROM pg_constraint WHERE connamespace = named.oid))
     ORDER BY pid LIMIT ${MAX_SESSIONS_NAMED}`,
  );
  return rows.map(({ pid, role, name }) => `${name || 'unnamed'} (pid ${pid}, role ${role})`);
}

/** The schema "public" belongs to a role that stands for the owner of the database. */
async function ownerOf(config: ResetTarget): Promise<string | undefined> {
  const [found] = await queryCatalog<{ owner: string }>(
    config,
    `SELECT pg_get_userbyid(CASE pg_get_userbyid(nspowner) WHEN 'pg_database_owner' THEN datdba ELSE nspowner END) AS owner
     FROM pg_namespace, pg_database WHERE nspname = $1 AND datname = current_database()`,
  );
  return found?.owner;
}

/** Runs a query whose only parameter is the name of the schema. */
async function queryCatalog<Row extends object>(config: ResetTarget, sql: string): Promise<Row[]> {
  const client = await openConnection(directTarget(config), {
    connectionTimeoutMillis: config.databaseConnectionTimeoutMs,
    query_timeout: config.databaseStatementTimeoutMs,
  });
  try {
    return (await client.query<Row>(sql, [schemaOf(config.databaseDirectUrl)])).rows;
  } finally {
    await client.end();
  }
}
