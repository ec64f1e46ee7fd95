import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import type { DatabaseConfig } from '../config/config.js';
import { START_LOCK, withAdvisoryLock } from './advisory-lock.js';
import { migrationNames } from './migration-files.js';

const MIGRATION_PROCESS = fileURLToPath(new URL('./migrate.process.js', import.meta.url));
const UNDEFINED_TABLE = '42P01';

/**
 * Sees to it that the database has the schema this code needs. One that is ahead of the code is served.
 * @throws {Error} when it is behind and `migrate` is false, or when a migration failed earlier.
 */
export async function bringSchemaUpToDate(config: DatabaseConfig, { migrate }: { migrate: boolean }): Promise<void> {
  if ((await pendingMigrations(config)).length === 0) return;
  if (!migrate) {
    throw new Error(
      'The schema of DATABASE_URL is behind this version: run `npm run db:migrate`, or set MIGRATE_ON_START=true.',
    );
  }
  await withAdvisoryLock(config, START_LOCK, async () => {
    if ((await pendingMigrations(config)).length > 0) await migrateInChildProcess(config.databaseDirectUrl);
  });
}

/** Names of the migrations in the folder that the database has not finished. */
export async function pendingMigrations(config: DatabaseConfig): Promise<string[]> {
  const finished = await finishedMigrations(config);
  return (await migrationNames()).filter((name) => !finished.has(name));
}

async function finishedMigrations(config: DatabaseConfig): Promise<ReadonlySet<string>> {
  const client = new pg.Client({
    connectionString: config.databaseDirectUrl,
    connectionTimeoutMillis: config.databaseConnectionTimeoutMs,
    query_timeout: config.databaseStatementTimeoutMs,
  });
  await client.connect();
  try {
    const { rows } = await client.query<{ name: string; finished: boolean }>(
      `SELECT migration_name AS name, finished_at IS NOT NULL AS finished
       FROM _prisma_migrations WHERE rolled_back_at IS NULL`,
    );
    const failed = rows.find(({ finished }) => !finished);
    if (failed)
      throw new Error(`The migration ${failed.name} failed earlier: repair it with \`npx prisma migrate resolve\`.`);
    return new Set(rows.map(({ name }) => name));
  } catch (error) {
    if (error instanceof pg.DatabaseError && error.code === UNDEFINED_TABLE) return new Set();
    throw error;
  } finally {
    await client.end();
  }
}

/** In a process of its own, because the engine's memory is given back only when it ends. */
async function migrateInChildProcess(url: string): Promise<void> {
  const child = fork(MIGRATION_PROCESS, { execArgv: ['--disable-warning=ExperimentalWarning'] });
  // By message, so that the password is neither in an argument list nor in an environment.
  child.send(url);
  const [code] = (await once(child, 'exit')) as [number | null];
  if (code !== 0) throw new Error('The database was not migrated; the reason stands above.');
}
