import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import type { DatabaseConfig } from '../config/config.js';
import { operatorCommand } from '../config/operator-commands.js';
import { START_LOCK } from './advisory-lock.js';
import { directTarget, openClient } from './connection.js';
import { codesOf } from './database-errors.js';
import { listMigrations } from './migration-files.js';
import { requireMigrationPrivileges } from './role-privileges.check.js';
import { requireNoTablesInPublic } from './schema-parameter.check.js';
import { type WaitOptions, Wait } from './wait-for-database.js';

const MIGRATION_PROCESS = fileURLToPath(new URL('./apply-migrations.process.js', import.meta.url));
const UNDEFINED_TABLE = '42P01';
/** What Prisma's own engine holds while it migrates. */
const PRISMA_LOCK = 72_707_369;
/** The server was reached but timed out, https://www.prisma.io/docs/orm/reference/error-reference#p1002 */
const PRISMA_TIMEOUT = 'P1002';

interface Options {
  /** Whether to apply what is missing. */
  readonly migrate: boolean;
  /** Whether the operator has no `DATABASE_URL`, and so none to set right. */
  readonly isEmbedded?: boolean;
  readonly waitOptions?: WaitOptions;
}

/** What `_prisma_migrations` says of the migrations in the folder. */
interface SchemaState {
  readonly pending: readonly string[];
  /** Begun by whomever, and neither finished nor failed. */
  readonly underWay: Migration | undefined;
}

interface Migration {
  readonly name: string;
  readonly startedAt: Date;
  readonly isFinished: boolean;
  readonly hasFailed: boolean;
}

/**
 * Sees to it that the database has the schema this code needs, and waits for a migration under way, by whichever process. One that
 * is ahead of the code is served.
 * @throws {Error} when it is behind and `migrate` is false, when a migration failed earlier or does not end, or when the tables are in
 * `public` and the URL names another schema; the signal's reason when it aborts.
 */
export async function ensureMigrated(
  config: DatabaseConfig,
  { migrate, isEmbedded = false, waitOptions }: Options,
): Promise<void> {
  const { seconds, ...told } = waitOptions ?? { seconds: config.databaseStartupSeconds };
  const wait = new Wait({ seconds, ...told });
  await withClient(config, async (client) => {
    for (;;) {
      // Before the state: whoever is done in between has left it finished.
      const isLocked = await isHeld(client, [START_LOCK, PRISMA_LOCK]);
      const state = await readState(client, config);
      if (state.underWay === undefined && state.pending.length === 0) return;
      if (state.underWay === undefined && migrate && (await migrateAlone(client, config))) return;
      if (state.underWay === undefined && !migrate && !isLocked) throw new Error(isEmbedded ? EMBEDDED_BEHIND : BEHIND);
      if (wait.isOver) throw new Error(notEnded(state.underWay, isLocked, seconds));
      await wait.next({ event: 'migration_awaited', migration: state.underWay?.name });
    }
  });
}

const BEHIND = `The schema of DATABASE_URL is behind this version: run \`${operatorCommand('migrate')}\`, or start the service with MIGRATE_ON_START=true.`;
const EMBEDDED_BEHIND = `The schema of the embedded database is behind this version, and this command does not migrate: start the service once, or run \`${operatorCommand('migrate')}\`.`;

/** Names of the migrations in the folder that the database has not finished. */
export async function pendingMigrations(config: DatabaseConfig): Promise<readonly string[]> {
  return withClient(config, async (client) => (await readState(client, config)).pending);
}

/** One connection for the whole wait, so that nodes that wait together need few. */
async function withClient<Result>(
  config: DatabaseConfig,
  work: (client: pg.Client) => Promise<Result>,
): Promise<Result> {
  const client = await openClient(directTarget(config), {
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

/** @throws {Error} when one failed, or when all are elsewhere. */
async function readState(client: pg.Client, config: DatabaseConfig): Promise<SchemaState> {
  const migrations = await begunMigrations(client);
  const failed = migrations.find(({ hasFailed }) => hasFailed);
  if (failed) throw new Error(`The migration ${failed.name} failed earlier. ${repairOf(failed.name)}`);
  if (migrations.length === 0) await requireNoTablesInPublic(client, config);
  const finished = new Set(migrations.filter(({ isFinished }) => isFinished).map(({ name }) => name));
  return {
    pending: (await listMigrations()).filter((name) => !finished.has(name)),
    underWay: migrations.find(({ isFinished }) => !isFinished),
  };
}

async function begunMigrations(client: pg.Client): Promise<Migration[]> {
  try {
    const { rows } = await client.query<Migration>(
      `SELECT migration_name AS name, started_at AS "startedAt", finished_at IS NOT NULL AS "isFinished",
              finished_at IS NULL AND coalesce(logs, '') <> '' AS "hasFailed"
       FROM _prisma_migrations WHERE rolled_back_at IS NULL`,
    );
    return rows;
  } catch (error) {
    if (error instanceof pg.DatabaseError && error.code === UNDEFINED_TABLE) return [];
    throw error;
  }
}

/** Whether it has migrated: not while another process does, of ours or of Prisma's, which may not show more than its lock yet. */
async function migrateAlone(client: pg.Client, config: DatabaseConfig): Promise<boolean> {
  const { rows } = await client.query<{ taken: boolean }>('SELECT pg_try_advisory_lock($1) AS taken', [START_LOCK]);
  if (rows[0]?.taken !== true) return false;
  try {
    if (await isHeld(client, [PRISMA_LOCK])) return false;
    const { pending, underWay } = await readState(client, config);
    if (underWay !== undefined) return false;
    if (pending.length > 0) {
      await requireMigrationPrivileges(client, directTarget(config));
      await migrateInChildProcess(config.databaseDirectUrl);
    }
    return true;
  } catch (error) {
    // Another was faster: the engine waits 10 s for its lock.
    if (codesOf(error).includes(PRISMA_TIMEOUT)) return false;
    throw error;
  } finally {
    await client.query('SELECT pg_advisory_unlock($1)', [START_LOCK]);
  }
}

/** Whether somebody holds one of the advisory locks in this database. */
async function isHeld(client: pg.Client, locks: readonly number[]): Promise<boolean> {
  const { rows } = await client.query(
    `SELECT FROM pg_locks WHERE locktype = 'advisory' AND granted AND classid = 0 AND objid = ANY ($1)
       AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`,
    [locks],
  );
  return rows.length > 0;
}

function repairOf(name: string): string {
  return `Why is in _prisma_migrations.logs: mend that, then ${resolving(name)}`;
}

function resolving(name: string): string {
  return `run \`npx prisma migrate resolve --rolled-back ${name}\`, or with --applied where its changes are there, and start again.`;
}

function notEnded(underWay: Migration | undefined, isLocked: boolean, seconds: number): string {
  const within = `within DATABASE_STARTUP_SECONDS (${seconds})`;
  if (underWay === undefined) return `Another process was not done migrating ${within}: start again when it is.`;
  const { name, startedAt } = underWay;
  const begun = `The migration ${name}, begun at ${startedAt.toISOString()}, did not end ${within}.`;
  if (isLocked) return `${begun} A process still holds the lock of migrations: start again when it is done.`;
  return `${begun} No process holds the lock of migrations, so the one that began it was likely killed. See that it runs no more (pg_stat_activity), then ${resolving(name)}`;
}

/** In a process of its own, because the engine's memory is given back only when it ends. */
async function migrateInChildProcess(url: string): Promise<void> {
  const child = fork(MIGRATION_PROCESS, { execArgv: ['--disable-warning=ExperimentalWarning'] });
  // It ends with this process, if nothing else ends it.
  process.once('exit', () => child.kill('SIGKILL'));
  let failure: Error | undefined;
  child.once(
    'message',
    ({ message, code }: MigrationFailure) => (failure = Object.assign(new Error(message), { code })),
  );
  // By message, so that the password is neither in an argument list nor in an environment.
  child.send(url);
  const [status] = (await once(child, 'exit')) as [number | null];
  if (status === 0) return;
  throw failure ?? new Error('The database was not migrated: the process that migrates ended early.');
}

/** What the process that migrates says to its parent. */
export interface MigrationFailure {
  readonly message: string;
  readonly code: string | undefined;
}
