import { readdir, readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

/** `prisma/` of the package, from the compiled file and the source alike. */
const PRISMA_FOLDER = fileURLToPath(new URL('../../prisma', import.meta.url));
const MIGRATIONS_FOLDER = `${PRISMA_FOLDER}/migrations`;

/** Names of the migrations that this code needs, in order; each is a folder with a `migration.sql`. */
export async function listMigrations(): Promise<string[]> {
  const entries = await readdir(MIGRATIONS_FOLDER, { withFileTypes: true });
  return entries
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name)
    .toSorted();
}

/** The migrations folder in the form the engine takes. */
export async function migrationsForEngine() {
  const names = await listMigrations();
  return {
    baseDir: MIGRATIONS_FOLDER,
    lockfile: { path: 'migration_lock.toml', content: await read(`${MIGRATIONS_FOLDER}/migration_lock.toml`) },
    shadowDbInitScript: '',
    migrationDirectories: await Promise.all(names.map(migrationDirectory)),
  };
}

/** Where a migration of this name and time is written, as Prisma Migrate names it. */
export function newMigrationFolder(name: string, at: Date): string {
  const stamp = at.toISOString().replaceAll(/\D/g, '').slice(0, 14);
  return `${MIGRATIONS_FOLDER}/${stamp}_${name}`;
}

/** `schema.prisma` as the engine takes it: path and text. */
export async function schemaFile(): Promise<[path: string, text: string]> {
  const path = `${PRISMA_FOLDER}/schema.prisma`;
  return [path, await read(path)];
}

async function migrationDirectory(name: string) {
  const value = await readMigration(name);
  return { path: name, migrationFile: { path: 'migration.sql', content: { tag: 'ok' as const, value } } };
}

/** The SQL of one migration. */
export function readMigration(name: string): Promise<string> {
  return read(`${MIGRATIONS_FOLDER}/${name}/migration.sql`);
}

function read(path: string): Promise<string> {
  return readFile(path, 'utf8');
}
