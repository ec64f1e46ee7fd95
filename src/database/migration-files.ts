import { chmod, mkdtemp, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

/** The package's `prisma/`: the same relative path from `dist/` and `src/`. */
const PRISMA_FOLDER = fileURLToPath(new URL('../../prisma', import.meta.url));
const MIGRATIONS_FOLDER = `${PRISMA_FOLDER}/migrations`;

/** Names of the migrations of a folder, in order: by default those that this code needs. Each is a folder with a `migration.sql`. */
export async function listMigrations(parent = MIGRATIONS_FOLDER): Promise<string[]> {
  const entries = await readdir(parent, { withFileTypes: true });
  return entries
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name)
    .toSorted();
}

/** The migrations folder in the engine's format. */
export async function migrationsForEngine() {
  const names = await listMigrations();
  return {
    baseDir: MIGRATIONS_FOLDER,
    lockfile: { path: 'migration_lock.toml', content: await readText(`${MIGRATIONS_FOLDER}/migration_lock.toml`) },
    shadowDbInitScript: '',
    migrationDirectories: await Promise.all(names.map(migrationDirectory)),
  };
}

/**
 * Writes a new migration into a folder named as Prisma Migrate does. The folder is moved into place once it is whole: an
 * empty migration would be recorded as applied.
 * @returns the path of its SQL
 */
export async function writeMigration(name: string, sql: string, at: Date): Promise<string> {
  const stamp = at.toISOString().replaceAll(/\D/g, '').slice(0, 14);
  const folder = `${MIGRATIONS_FOLDER}/${stamp}_${name}`;
  // Beside the migrations, which every folder among them counts as.
  const unfinished = await mkdtemp(`${PRISMA_FOLDER}/.unfinished-migration-`).catch(throwNotWritten);
  try {
    await writeDurably(`${unfinished}/migration.sql`, sql);
    await chmod(unfinished, 0o777 & ~process.umask());
    await rename(unfinished, folder);
  } catch (error) {
    await rm(unfinished, { recursive: true, force: true });
    throwNotWritten(error);
  }
  return `${folder}/migration.sql`;
}

async function writeDurably(path: string, text: string): Promise<void> {
  await using file = await open(path, 'wx');
  await file.writeFile(text);
  await file.sync();
}

function throwNotWritten(error: unknown): never {
  const { message } = error as Error;
  throw new Error(`The migration cannot be written into ${MIGRATIONS_FOLDER}, and nothing was: ${message}`, {
    cause: error,
  });
}

/** The files of the Prisma schema in the engine's format: all `*.prisma` of the folder, as the Prisma CLI reads it. */
export async function schemaFiles(): Promise<[path: string, text: string][]> {
  const names = await readdir(PRISMA_FOLDER, { recursive: true });
  const paths = names.filter((name) => name.endsWith('.prisma')).map((name) => `${PRISMA_FOLDER}/${name}`);
  return Promise.all(paths.toSorted().map(async (path): Promise<[string, string]> => [path, await readText(path)]));
}

async function migrationDirectory(name: string) {
  const value = await readMigration(name);
  return { path: name, migrationFile: { path: 'migration.sql', content: { tag: 'ok' as const, value } } };
}

/** The SQL of one migration. @throws {Error} naming one that has none, as an interrupted program may leave it. */
export async function readMigration(name: string, parent = MIGRATIONS_FOLDER): Promise<string> {
  const folder = `${parent}/${name}`;
  const sql = await readText(`${folder}/migration.sql`).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
    throw new Error(`The migration ${folder} has no migration.sql: write it, or delete the folder.`, { cause: error });
  });
  if (sql.trim() !== '') return sql;
  throw new Error(`The migration ${folder}/migration.sql is empty: write it, or delete the folder.`);
}

function readText(path: string): Promise<string> {
  return readFile(path, 'utf8');
}
