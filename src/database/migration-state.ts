import pg from 'pg';
import type { DatabaseConfig } from '../config/config.js';
import { operatorCommand, prismaCommand } from '../config/operator-commands.js';
import { listMigrations } from './migration-files.js';
import { requireNoTablesElsewhere } from './tables-elsewhere.check.js';

const UNDEFINED_TABLE = '42P01';

/** The migrations of the folder as `_prisma_migrations` records them. */
export interface MigrationState {
  readonly pending: readonly string[];
  /** Started by some process, and neither finished nor failed. */
  readonly inProgress: Migration | undefined;
}

export interface Migration {
  readonly name: string;
  readonly startedAt: Date;
  readonly isFinished: boolean;
  readonly hasFailed: boolean;
}

/** @throws {Error} when a migration failed earlier, or when all tables are in another schema. */
export async function readMigrationState(client: pg.Client, config: DatabaseConfig): Promise<MigrationState> {
  const migrations = await startedMigrations(client);
  const failed = migrations.find(({ hasFailed }) => hasFailed);
  if (failed) throw new Error(`The migration ${failed.name} failed earlier. ${repairInstructions(failed.name)}`);
  if (migrations.length === 0) await requireNoTablesElsewhere(client, config);
  const finished = new Set(migrations.filter(({ isFinished }) => isFinished).map(({ name }) => name));
  return {
    pending: (await listMigrations()).filter((name) => !finished.has(name)),
    inProgress: migrations.find(({ isFinished }) => !isFinished),
  };
}

async function startedMigrations(client: pg.Client): Promise<Migration[]> {
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

function repairInstructions(name: string): string {
  return `The reason is in _prisma_migrations.logs: fix it, then ${resolveInstructions(name)}`;
}

/** How an operator marks a migration as rolled back or applied. */
function resolveInstructions(name: string): string {
  return `run ${prismaCommand(`migrate resolve --rolled-back ${name}`)}, or with --applied if its changes are in the database, and start again.`;
}

/** The refusal to start on a schema that is behind. */
export const BEHIND = `The schema of DATABASE_URL is behind this version: run \`${operatorCommand('migrate')}\`, or start the service with MIGRATE_ON_START=on.`;
export const EMBEDDED_BEHIND = `The schema of the embedded database is behind this version, and this command does not migrate: start the service once, or run \`${operatorCommand('migrate')}\`.`;

/** A migration, ours or of another process, that did not end in time; commands pass 0 seconds and do not wait. */
export function notFinishedMessage(inProgress: Migration | undefined, isLocked: boolean, seconds: number): string {
  const within = seconds === 0 ? 'yet' : `within DATABASE_STARTUP_SECONDS (${seconds})`;
  if (inProgress === undefined) {
    return `Another process did not finish migrating ${within}: start again when it has finished.`;
  }
  const { name, startedAt } = inProgress;
  const started = `The migration ${name}, started at ${startedAt.toISOString()}, did not finish ${within}.`;
  if (isLocked)
    return `${started} A process still holds the migration lock: start again when that process has finished.`;
  return `${started} No process holds the migration lock, so the process that started it was probably killed. Check that it no longer runs (pg_stat_activity), then ${resolveInstructions(name)}`;
}
