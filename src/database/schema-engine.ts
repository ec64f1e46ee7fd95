import { PrismaPg } from '@prisma/adapter-pg';
import { bindMigrationAwareSqlAdapterFactory } from '@prisma/driver-adapter-utils';
import { SchemaEngine } from '@prisma/schema-engine-wasm';
import { migrationsList, schemaFile } from './migration-files.js';

const EVERYTHING = { externalTables: [], externalEnums: [] };

/**
 * Prisma Migrate's engine from its npm package, so that nothing is downloaded. It writes `_prisma_migrations` as the native
 * one does. Load it in a process that ends afterwards: its memory is never given back.
 */
async function openEngine(url: string): Promise<SchemaEngine> {
  const adapter = bindMigrationAwareSqlAdapterFactory(new PrismaPg({ connectionString: url }));
  return SchemaEngine.new({ datamodels: [await schemaFile()] }, () => undefined, adapter);
}

/** Applies the pending migrations and returns their names. */
export async function applyMigrations(url: string): Promise<readonly string[]> {
  const engine = await openEngine(url);
  const { appliedMigrationNames } = await engine.applyMigrations({
    migrationsList: await migrationsList(),
    filters: EVERYTHING,
  });
  return appliedMigrationNames;
}

/** The SQL that takes an empty database to `schema.prisma`. */
export async function schemaScript(url: string): Promise<string> {
  const engine = await openEngine(url);
  const [path, content] = await schemaFile();
  const { stdout } = await engine.diff({
    from: { tag: 'empty' },
    to: { tag: 'schemaDatamodel', files: [{ path, content }] },
    script: true,
    exitCode: null,
    filters: EVERYTHING,
  });
  return stdout ?? '';
}
