import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import type { DatabaseConfig } from '../config/config.js';
import { PRISMA_LOCK, START_LOCK } from './advisory-lock.js';
import { directTarget } from './connection-string.js';
import { codesOf } from './database-errors.js';
import { BEHIND, EMBEDDED_BEHIND, notFinishedMessage, readMigrationState } from './migration-state.js';
import { openConnection } from './open-connection.js';
import { requireMigrationPrivileges } from './role-privileges.check.js';
import { StartupRetries, type WaitOptions } from './wait-for-database.js';

const MIGRATION_PROCESS = fileURLToPath(new URL('./apply-migrations.process.js', import.meta.url));
/** The server was reached but timed out, https://www.prisma.io/docs/orm/reference/error-reference#p1002 */
const PRISMA_TIMEOUT = 'P1002';
const INSUFFICIENT_PRIVILEGE = '42501';

interface Options {
  /** Whether to apply pending migrations. */
  readonly migrate: boolean;
  /** Whether the database is the embedded one: the operator then has no `DATABASE_URL` to correct. */
  readonly isEmbedded?: boolean;
  readonly waitOptions?: WaitOptions;
}

/**
 * Ensures that the database has the schema this code needs. Waits for a migration in progress, whichever process runs
 * it. Accepts a schema that is ahead of the code.
 * @returns the names of the migrations that this process applied
 * @throws {Error} when the schema is behind and `migrate` is false, when a migration failed earlier or does not end, or
 * when the tables are in `public` and the URL names another schema; the signal's reason when it aborts.
 */
export async function ensureMigrated(
  config: DatabaseConfig,
  { migrate, isEmbedded = false, waitOptions }: Options,
): Promise<readonly string[]> {
  const { seconds, ...others } = waitOptions ?? { seconds: config.databaseStartupSeconds };
  const retries = new StartupRetries({ seconds, ...others });
  return withClient(config, async (client) => {
    for (;;) {
      // The lock before the state: a migration that ends in between is then read as finished.
      const isLocked = await isLockHeld(client, [START_LOCK, PRISMA_LOCK]);
      const { pending, inProgress } = await readMigrationState(client, config).catch(async (error: unknown) => {
        // A role that may not even read them is told who may migrate.
        if (migrate && codesOf(error).includes(INSUFFICIENT_PRIVILEGE)) {
          await requireMigrationPrivileges(client, directTarget(config));
        }
        throw error;
      });
      if (inProgress === undefined && pending.length === 0) return [];
      const applied = inProgress === undefined && migrate ? await migrateUnderLock(client, config) : undefined;
      if (applied !== undefined) return applied;
      if (inProgress === undefined && !migrate && !isLocked) throw new Error(isEmbedded ? EMBEDDED_BEHIND : BEHIND);
      if (retries.isTimeOver) throw new Error(notFinishedMessage(inProgress, isLocked, seconds));
      await retries.pauseBeforeRetry({ event: 'migration_awaited', migration: inProgress?.name });
    }
  });
}

/** Names of the migrations in the folder that the database has not finished. */
export async function pendingMigrations(config: DatabaseConfig): Promise<readonly string[]> {
  return withClient(config, async (client) => (await readMigrationState(client, config)).pending);
}

/** One connection for the whole wait, so that many nodes that wait need few connections. */
async function withClient<Result>(
  config: DatabaseConfig,
  work: (client: pg.Client) => Promise<Result>,
): Promise<Result> {
  const client = await openConnection(directTarget(config), {
    connectionTimeoutMillis: config.databaseConnectionTimeoutMs,
    query_timeout: config.databaseStatementTimeoutMs,
    application_name: 'gatehouse migrations',
  });
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

/**
 * Applies the pending migrations and returns their names. Undefined while another process migrates, ours or Prisma's; of
 * the latter only the lock may be visible yet.
 */
async function migrateUnderLock(client: pg.Client, config: DatabaseConfig): Promise<readonly string[] | undefined> {
  const { rows } = await client.query<{ taken: boolean }>('SELECT pg_try_advisory_lock($1) AS taken', [START_LOCK]);
  if (rows[0]?.taken !== true) return undefined;
  try {
    if (await isLockHeld(client, [PRISMA_LOCK])) return undefined;
    const { pending, inProgress } = await readMigrationState(client, config);
    if (inProgress !== undefined) return undefined;
    if (pending.length > 0) {
      await requireMigrationPrivileges(client, directTarget(config));
      await migrateInChildProcess(config.databaseDirectUrl);
    }
    return pending;
  } catch (error) {
    // Another process was first: the engine waits 10 s for its lock.
    if (codesOf(error).includes(PRISMA_TIMEOUT)) return undefined;
    throw error;
  } finally {
    await client.query('SELECT pg_advisory_unlock($1)', [START_LOCK]);
  }
}

/** Whether any session holds one of the advisory locks in this database. */
async function isLockHeld(client: pg.Client, locks: readonly number[]): Promise<boolean> {
  const { rows } = await client.query(
    `SELECT FROM pg_locks WHERE locktype = 'advisory' AND granted AND classid = 0 AND objid = ANY ($1)
       AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`,
    [locks],
  );
  return rows.length > 0;
}

/** In a child process, because the engine's memory is freed only when its process ends. */
async function migrateInChildProcess(url: string): Promise<void> {
  const child = fork(MIGRATION_PROCESS, { execArgv: ['--disable-warning=ExperimentalWarning', '--disable-sigusr1'] });
  // The child never outlives this process.
  const kill = (): void => void child.kill('SIGKILL');
  process.once('exit', kill);
  child.once('exit', () => process.off('exit', kill));
  let failure: Error | undefined;
  child.once(
    'message',
    ({ message, code }: MigrationFailure) => (failure = Object.assign(new Error(message), { code })),
  );
  // By message, so that the password appears neither in the arguments nor in the environment.
  child.send(url);
  const [status] = (await once(child, 'exit')) as [number | null];
  if (status === 0) return;
  throw (
    failure ?? new Error('The migrations were not applied: the process that applies them ended early. Start again.')
  );
}

/** The child's message to its parent. */
export interface MigrationFailure {
  readonly message: string;
  readonly code: string | undefined;
}
