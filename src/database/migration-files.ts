import { readdir, readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

/** The package's `prisma/`: the same relative path from `dist/` and `src/`. */
const PRISMA_FOLDER = fileURLToPath(new URL('../../prisma', import.meta.url));
const MIGRATIONS_FOLDER = `${PRISMA_FOLDER}/migrations`;

/** Names of the migrations that this code needs, in order. Each is a folder with a `migration.sql`. */
export async function listMigrations(): Promise<string[]> {
  const entries = await readdir(MIGRATIONS_FOLDER, { withFileTypes: true });
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

/** Folder of a new migration, named as Prisma Migrate does. */
export function newMigrationFolder(name: string, at: Date): string {
  const stamp = at.toISOString().replaceAll(/\D/g, '').slice(0, 14);
  return `${MIGRATIONS_FOLDER}/${stamp}_${name}`;
}

/** `schema.prisma` in the engine's format: path and text. */
export async function schemaFile(): Promise<[path: string, text: string]> {
  const path = `${PRISMA_FOLDER}/schema.prisma`;
  return [path, await readText(path)];
}

async function migrationDirectory(name: string) {
  const value = await readMigration(name);
  return { path: name, migrationFile: { path: 'migration.sql', content: { tag: 'ok' as const, value } } };
}

/** The SQL of one migration. */
export function readMigration(name: string): Promise<string> {
  return readText(`${MIGRATIONS_FOLDER}/${name}/migration.sql`);
}

function readText(path: string): Promise<string> {
  return readFile(path, 'utf8');
}
