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
import { connectionStringOf, POOL_SESSION_SETTINGS } from './connection.js';
import { migrationsForEngine, schemaFile } from './migration-files.js';
import { createScratchDatabase } from './schema-reset.js';

const EVERYTHING = { externalTables: [], externalEnums: [] };

/** PostgreSQL's internal "char", which the adapter does not know, and a type whose column type nothing else has here. */
const CHAR_OID = 18;
const CHAR_ARRAY_OID = 1002;

/**
 * Prisma Migrate's engine from its npm package, so that nothing is downloaded. It writes `_prisma_migrations` as the native
 * one does. Load it in a process that ends afterwards: its memory is never given back.
 */
export async function openSchemaEngine(url: string): Promise<SchemaEngine> {
  const { provider, adapterName } = new PrismaPg({});
  const adapter = bindMigrationAwareSqlAdapterFactory({
    provider,
    adapterName,
    connect: () => connect(url),
    connectToShadowDb: () => connectToScratchDatabase(url),
  });
  return SchemaEngine.new({ datamodels: [await schemaFile()] }, () => undefined, adapter);
}

async function connect(url: string): Promise<SqlDriverAdapter> {
  const options = { disposeExternalPool: true, schema: schemaOf(url) };
  return completed(await new PrismaPg(introspectionPool(url), options).connect());
}

/** The adapter's own form of this would connect to the database of the URL, and the engine empties what it gets. */
async function connectToScratchDatabase(url: string): Promise<SqlDriverAdapter> {
  const scratch = await createScratchDatabase(url);
  const adapter = await connect(scratch.url);
  const dispose = adapter.dispose.bind(adapter);
  const disposeAndDrop = async (): Promise<void> => {
    await dispose();
    await scratch.drop();
  };
  return Object.assign(adapter, { dispose: disposeAndDrop });
}

function introspectionPool(url: string): pg.Pool {
  const pool = new pg.Pool({
    connectionString: connectionStringOf({ url, isPooled: false }),
    ...POOL_SESSION_SETTINGS,
    allowExitOnIdle: true,
    idleTimeoutMillis: 1,
  });
  const query = pool.query.bind(pool) as (...parameters: unknown[]) => Promise<pg.QueryResult | pg.QueryResult[]>;
  const queryMarkingChar = async (...parameters: unknown[]): Promise<pg.QueryResult | pg.QueryResult[]> => {
    const result = await query(...parameters);
    const fields = Array.isArray(result) ? [] : result.fields;
    for (const field of fields) if (field.dataTypeID === CHAR_OID) field.dataTypeID = CHAR_ARRAY_OID;
    return result;
  };
  return Object.assign(pool, { query: queryMarkingChar });
}

function completed(adapter: SqlDriverAdapter): SqlDriverAdapter {
  const queryRaw = adapter.queryRaw.bind(adapter);
  const executeRaw = adapter.executeRaw.bind(adapter);
  const { CharacterArray, Character } = ColumnTypeEnum;
  return Object.assign(adapter, {
    // As one query, and so in one transaction, as the native engine does: a migration that is broken off has done nothing. The
    // adapter would take each semicolon for the end of a statement.
    executeScript: async (sql: string) => void (await executeRaw({ sql, args: [], argTypes: [] })),
    queryRaw: async (query: SqlQuery) => {
      const result = await queryRaw(query);
      return { ...result, columnTypes: result.columnTypes.map((type) => (type === CharacterArray ? Character : type)) };
    },
  });
}

/** Applies the pending migrations and returns their names. */
export async function applyMigrations(url: string): Promise<readonly string[]> {
  const engine = await openSchemaEngine(url);
  const { appliedMigrationNames } = await engine.applyMigrations({
    migrationsList: await migrationsForEngine(),
    filters: EVERYTHING,
  });
  return appliedMigrationNames;
}

/**
 * Migrates an empty database and returns the SQL that would take it on to `schema.prisma`; undefined when the two agree.
 */
export async function diffMigrationsWithSchema(url: string): Promise<string | undefined> {
  await applyMigrations(url);
  const engine = await openSchemaEngine(url);
  const [path, content] = await schemaFile();
  const { stdout, exitCode } = await engine.diff({
    from: { tag: 'schemaDatasource', files: [{ path, content }], configDir: '' },
    to: { tag: 'schemaDatamodel', files: [{ path, content }] },
    script: true,
    exitCode: true,
    filters: EVERYTHING,
  });
  return exitCode === 0 ? undefined : (stdout ?? undefined);
}
