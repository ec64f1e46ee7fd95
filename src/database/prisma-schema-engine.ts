import { stripVTControlCharacters } from 'node:util';
import { PrismaPg } from '@prisma/adapter-pg';
import {
  bindMigrationAwareSqlAdapterFactory,
  ColumnTypeEnum,
  type SqlDriverAdapter,
  type SqlQuery,
} from '@prisma/driver-adapter-utils';
import { SchemaEngine } from '@prisma/schema-engine-wasm';
import pg from 'pg';
import { schemaOf } from '../config/postgres-url.js';
import { connectionStringOf } from './connection-string.js';
import { createScratchDatabase, type ScratchDatabase } from './create-database.js';
import { migrationsForEngine, schemaFiles } from './migration-files.js';
import { poolSessionSettings } from './open-connection.js';

const NO_FILTERS = { externalTables: [], externalEnums: [] };

/**
 * PostgreSQL's internal type "char", which the adapter does not know. Its columns are marked as "char"[], which nothing
 * else here uses, and converted back below.
 */
const CHAR_OID = 18;
const CHAR_ARRAY_OID = 1002;

/**
 * Loads Prisma Migrate's engine from its npm package, so that nothing is downloaded. It writes `_prisma_migrations` as
 * the native engine does. Load it only in a process that ends afterwards: its memory is never freed.
 */
export async function openSchemaEngine(
  url: string,
  datamodels?: readonly (readonly [path: string, text: string])[],
): Promise<SchemaEngine> {
  const { provider, adapterName } = new PrismaPg({});
  const adapter = bindMigrationAwareSqlAdapterFactory({
    provider,
    adapterName,
    connect: () => connect(url),
    connectToShadowDb: () => connectToScratchDatabase(url),
  });
  const files = datamodels ?? (await schemaFiles());
  return SchemaEngine.new({ datamodels: files.map(([path, text]) => [path, text]) }, () => undefined, adapter);
}

async function connect(url: string): Promise<SqlDriverAdapter> {
  const options = { disposeExternalPool: true, schema: schemaOf(url) };
  return withEngineFixes(await new PrismaPg(introspectionPool(url), options).connect());
}

/** Those of this process that exist or are being created. */
const scratchDatabases = new Set<Promise<ScratchDatabase>>();

/** For an engine that is interrupted: what it does in a scratch database fails. */
export async function dropScratchDatabases(): Promise<void> {
  await Promise.allSettled([...scratchDatabases].map(async (creating) => (await creating).drop()));
}

/** The adapter's own implementation would connect to the URL's database, and the engine empties its shadow database. */
async function connectToScratchDatabase(url: string): Promise<SqlDriverAdapter> {
  const creating = createScratchDatabase(url);
  scratchDatabases.add(creating);
  const scratch = await creating;
  const adapter = await connect(scratch.url);
  const dispose = adapter.dispose.bind(adapter);
  const disposeAndDrop = async (): Promise<void> => {
    await dispose();
    await scratch.drop();
    scratchDatabases.delete(creating);
  };
  return Object.assign(adapter, { dispose: disposeAndDrop });
}

function introspectionPool(url: string): pg.Pool {
  const pool = new pg.Pool({
    connectionString: connectionStringOf({ url, isPooled: false }),
    ...poolSessionSettings(false),
    allowExitOnIdle: true,
    idleTimeoutMillis: 1,
  });
  const query = pool.query.bind(pool) as (...parameters: unknown[]) => Promise<pg.QueryResult | pg.QueryResult[]>;
  const queryMarkingCharColumns = async (...parameters: unknown[]): Promise<pg.QueryResult | pg.QueryResult[]> => {
    const result = await query(...parameters);
    const fields = Array.isArray(result) ? [] : result.fields;
    for (const field of fields) if (field.dataTypeID === CHAR_OID) field.dataTypeID = CHAR_ARRAY_OID;
    return result;
  };
  return Object.assign(pool, { query: queryMarkingCharColumns });
}

function withEngineFixes(adapter: SqlDriverAdapter): SqlDriverAdapter {
  const queryRaw = adapter.queryRaw.bind(adapter);
  const executeRaw = adapter.executeRaw.bind(adapter);
  const { CharacterArray, Character } = ColumnTypeEnum;
  return Object.assign(adapter, {
    // As one query, and so in one transaction, as the native engine does: an interrupted migration changes nothing. The
    // adapter would split the script at each semicolon.
    executeScript: async (sql: string) => void (await executeRaw({ sql, args: [], argTypes: [] })),
    queryRaw: async (query: SqlQuery) => {
      const result = await queryRaw(query);
      return { ...result, columnTypes: result.columnTypes.map((type) => (type === CharacterArray ? Character : type)) };
    },
  });
}

/** Applies the pending migrations and returns their names. @throws {Error} naming an empty migration. */
export async function applyMigrations(url: string): Promise<readonly string[]> {
  const engine = await openSchemaEngine(url);
  const { appliedMigrationNames } = await engine.applyMigrations({
    migrationsList: await migrationsForEngine(),
    filters: NO_FILTERS,
  });
  return appliedMigrationNames;
}

/** Prisma's message for an invalid schema shows each error with the lines around it. */
function explainInvalidSchema(error: unknown): never {
  const message = error instanceof Error ? stripVTControlCharacters(error.message) : '';
  const [, reason, place] = /^error: (?:Error validating[^:\n]*: )?(.+)\n\s*-->\s*(\S.*:\d+)$/m.exec(message) ?? [];
  if (place === undefined) throw error;
  throw new Error(`${place} is not valid: ${reason}`, { cause: error });
}

/**
 * Migrates an empty database and returns the SQL that is missing for it to match
 * the Prisma schema; undefined when they match.
 * @throws {Error} naming the first line of the Prisma schema that is not valid.
 */
export async function diffMigrationsWithSchema(url: string): Promise<string | undefined> {
  await applyMigrations(url);
  const engine = await openSchemaEngine(url);
  const files = (await schemaFiles()).map(([path, content]) => ({ path, content }));
  const difference = engine.diff({
    from: { tag: 'schemaDatasource', files, configDir: '' },
    to: { tag: 'schemaDatamodel', files },
    script: true,
    exitCode: true,
    filters: NO_FILTERS,
  });
  const { stdout, exitCode } = await difference.catch(explainInvalidSchema);
  return exitCode === 0 ? undefined : (stdout ?? undefined);
}
