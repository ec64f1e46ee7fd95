import pg from 'pg';
import type { DatabaseConfig } from '../config/config.js';
import { onceAborted } from '../config/abort-signals.js';
import { parsePostgresUrl, schemaOf } from '../config/postgres-url.js';
import { readSettings } from '../config/read-settings.js';
import { TerminationSignals } from '../config/termination-signals.js';
import { directTarget } from './connection-string.js';
import { listMigrations, readMigration } from './migration-files.js';
import { openConnection } from './open-connection.js';
import { stopAfterEngines } from './prisma-cli-engine-lock.js';
import { provideDatabase } from './provide-database.js';
import { ensureMigrated } from './run-migrations.js';
import { schemasWithOurTables } from './tables-elsewhere.check.js';
import { NO_WAIT, retryUntilDatabaseAnswers } from './wait-for-database.js';

/** What the Prisma CLI is told in a project with tables of its own. */
export interface ProjectDatabase {
  readonly url: string;
  /** The tables and enums in each schema with tables of Gatehouse, each with the name of its schema. */
  readonly tables: string[];
  readonly enums: string[];
  /** Makes the tables of Gatehouse in an empty database. */
  readonly initShadowDb: string;
}

/** Whatever is in the schema, also the tables of a later version: a project never changes any of it. */
const TABLES_SQL = `SELECT nspname || '.' || relname AS name FROM pg_class JOIN pg_namespace schemas ON schemas.oid = relnamespace
  WHERE nspname = ANY ($1) AND relkind IN ('r', 'p') ORDER BY 1`;
const ENUMS_SQL = `SELECT nspname || '.' || typname AS name FROM pg_type JOIN pg_namespace schemas ON schemas.oid = typnamespace
  WHERE nspname = ANY ($1) AND typtype = 'e' ORDER BY 1`;

/**
 * Child process of the Prisma CLI in a project (`prisma-project-config.ts`): provides the database with the tables of Gatehouse, sends what
 * the CLI needs to the parent, and keeps the embedded server running until the parent ends. Signals are ignored: they go to the whole
 * process group, and the parent still needs the database.
 */
TerminationSignals.listen();
const parentExited = new AbortController();
process.once('disconnect', () => parentExited.abort());
const [, , ownSchema = ''] = process.argv;

try {
  const settings = readSettings('migrate');
  const database = await provideDatabase(settings, 'script', parentExited.signal);
  const isEmbedded = settings.databaseUrl === undefined;
  const migrate = isEmbedded || settings.migrateOnStart;
  const describing = retryUntilDatabaseAnswers(database.config, NO_WAIT, async () => {
    await ensureMigrated(database.config, { migrate, isEmbedded, waitOptions: NO_WAIT });
    return describe(database.config);
  });
  // An interrupted migration of Gatehouse would count as running, and stop every later start.
  const settled = Promise.allSettled([describing]);
  onceAborted(parentExited.signal, () => {
    void settled.then(() => stopAfterEngines(database)).then(() => process.exit(0), fail);
  });
  try {
    const described = await describing;
    // The parent may have ended meanwhile.
    process.send?.(described, () => undefined);
  } catch (error) {
    await database.stop();
    throw error;
  }
} catch (error) {
  fail(error);
}

function fail(error: unknown): void {
  const message = error instanceof Error ? error.message : String(error);
  if (process.connected) process.send?.({ error: message }, () => process.exit(1));
  else process.exit(1);
}

async function describe(config: DatabaseConfig): Promise<ProjectDatabase> {
  const url = parsePostgresUrl(config.databaseDirectUrl);
  const schema = schemaOf(url.href);
  url.searchParams.set('schema', ownSchema);
  const client = await openConnection(directTarget(config), { application_name: 'gatehouse prisma' });
  try {
    // Also those of another service, or the real ones where DATABASE_SCHEMA is misspelt: the Prisma schema may name them.
    const schemas = [...new Set([schema, ...(await schemasWithOurTables(client))])];
    if (schemas.includes(ownSchema)) {
      throw new Error(
        `The tables of Gatehouse are in the schema "${ownSchema}" already: give those of the project another (databaseSchema of prismaConfig in prisma.config.ts), or set DATABASE_SCHEMA=gatehouse for a new database.`,
      );
    }
    return {
      url: url.href,
      tables: await namesIn(client, schemas, TABLES_SQL),
      enums: await namesIn(client, schemas, ENUMS_SQL),
      initShadowDb: await createTablesSql(schema),
    };
  } finally {
    await client.end();
  }
}

async function namesIn(client: pg.Client, schemas: readonly string[], sql: string): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>(sql, [schemas]);
  return rows.map(({ name }) => name);
}

async function createTablesSql(schema: string): Promise<string> {
  const name = pg.escapeIdentifier(schema);
  const migrations = await Promise.all((await listMigrations()).map((migration) => readMigration(migration)));
  return [
    `CREATE SCHEMA IF NOT EXISTS ${name};`,
    `SET search_path = ${name};`,
    ...migrations,
    'RESET search_path;',
  ].join('\n');
}
