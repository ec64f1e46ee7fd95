import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { parsePostgresUrl } from '../config/postgres-url.js';
import { codesOf } from './database-errors.js';
import { openConnection } from './open-connection.js';

const INSUFFICIENT_PRIVILEGE = '42501';

/** An empty database on the same server, for work that must not touch the service's data. */
export interface ScratchDatabase {
  readonly url: string;
  readonly drop: () => Promise<void>;
}

/**
 * The role lacks CREATEDB. A missing privilege on a table has the same SQLSTATE, but its GRANT statements do not help here.
 */
export class MissingCreateDatabaseError extends Error {
  override readonly name = 'MissingCreateDatabaseError';

  constructor(role: string, options: ErrorOptions) {
    super(
      `The role ${role} may not create databases, which this command does. Ask an administrator to run: ALTER ROLE ${pg.escapeIdentifier(role)} CREATEDB;`,
      options,
    );
  }
}

/**
 * Creates an empty database on the URL's server.
 * @throws {MissingCreateDatabaseError}
 */
export async function createScratchDatabase(url: string): Promise<ScratchDatabase> {
  const name = `gatehouse_scratch_${randomBytes(8).toString('hex')}`;
  const scratch = parsePostgresUrl(url);
  scratch.pathname = `/${name}`;
  await createNamed(url, name);
  return { url: scratch.href, drop: () => dropDatabase(url, name) };
}

/**
 * Drops a database on the URL's server, if it exists, and ends this role's sessions in it. `WITH (FORCE)` would also
 * end them, but fails for an ordinary role while autovacuum is in the database; a plain DROP asks autovacuum to leave.
 */
export async function dropDatabase(url: string, name: string): Promise<void> {
  const database = pg.escapeIdentifier(name);
  await withConnection(url, async (client) => {
    const found = await client.query('SELECT FROM pg_database WHERE datname = $1', [name]);
    if (found.rowCount === 0) return;
    await client.query(`ALTER DATABASE ${database} ALLOW_CONNECTIONS false`);
    await client.query(
      'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1 AND usename = current_user',
      [name],
    );
    await client.query(`DROP DATABASE ${database}`);
  });
}

/**
 * Creates the database that the URL names.
 * @throws {MissingCreateDatabaseError}
 */
export async function createDatabase(url: string): Promise<void> {
  const maintenance = parsePostgresUrl(url);
  const name = pg.escapeIdentifier(decodeURIComponent(maintenance.pathname.slice(1)));
  maintenance.pathname = '/postgres';
  await createNamed(maintenance.href, name);
}

async function createNamed(url: string, escapedName: string): Promise<void> {
  await withConnection(url, async (client) => {
    try {
      await client.query(`CREATE DATABASE ${escapedName}`);
    } catch (error) {
      if (!codesOf(error).includes(INSUFFICIENT_PRIVILEGE)) throw error;
      const { rows } = await client.query<{ role: string }>('SELECT current_user AS role');
      throw new MissingCreateDatabaseError(rows[0]?.role ?? '', { cause: error });
    }
  });
}

/** Runs statements one after the other on a connection of their own. */
export async function runStatements(url: string, ...statements: readonly string[]): Promise<void> {
  await withConnection(url, async (client) => {
    for (const statement of statements) await client.query(statement);
  });
}

async function withConnection(url: string, work: (client: pg.Client) => Promise<void>): Promise<void> {
  const client = await openConnection({ url, isPooled: false }, { application_name: 'gatehouse schema' });
  try {
    await work(client);
  } finally {
    await client.end();
  }
}
