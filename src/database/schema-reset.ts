import { randomBytes } from 'node:crypto';
import pg from 'pg';
import type { DatabaseConfig } from '../config/config.js';
import { parsePostgresUrl, schemaOf } from '../config/postgres-url.js';
import { START_LOCK, withAdvisoryLock } from './advisory-lock.js';
import { directTarget, openClient } from './connection.js';

const INSUFFICIENT_PRIVILEGE = '42501';

/**
 * Drops everything in the schema of the URL, data and tables alike, and nothing beside it.
 * @throws {Error} with what to do, where the role may not.
 */
export async function resetSchema(config: DatabaseConfig): Promise<void> {
  const schema = pg.escapeIdentifier(schemaOf(config.databaseDirectUrl));
  await withAdvisoryLock(config, START_LOCK, () =>
    // As one query both are done or neither: whoever may drop the schema may lack the right to make it anew.
    runStatements(config.databaseDirectUrl, `DROP SCHEMA IF EXISTS ${schema} CASCADE; CREATE SCHEMA ${schema}`).catch(
      (error: unknown) => {
        if (!(error instanceof pg.DatabaseError) || error.code !== INSUFFICIENT_PRIVILEGE) throw error;
        throw new Error(
          `The role of ${directTarget(config).setting} may not drop the schema ${schema} and make it anew, so nothing was done: ${error.message}. Run it with the schema's owner in the URL, who needs CREATE on the database, too.`,
        );
      },
    ),
  );
}

/** A database beside another, for work that must not meet its data. */
export interface ScratchDatabase {
  readonly url: string;
  readonly drop: () => Promise<void>;
}

/** Makes an empty database beside the given one. The role needs CREATEDB. */
export async function createScratchDatabase(url: string): Promise<ScratchDatabase> {
  const name = `gatehouse_scratch_${randomBytes(8).toString('hex')}`;
  const scratch = parsePostgresUrl(url);
  scratch.pathname = `/${name}`;
  await runStatements(url, `CREATE DATABASE ${name}`);
  return { url: scratch.href, drop: () => dropDatabase(url, name) };
}

/**
 * Drops a database beside the given one, if it is there, and ends this role's sessions in it. `WITH (FORCE)` would end them too, but
 * fails for an ordinary role while autovacuum is in the database; a plain DROP asks autovacuum to leave.
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

/** Makes the database that the URL names. The role needs CREATEDB. */
export async function createDatabase(url: string): Promise<void> {
  const maintenance = parsePostgresUrl(url);
  const name = pg.escapeIdentifier(decodeURIComponent(maintenance.pathname.slice(1)));
  maintenance.pathname = '/postgres';
  await runStatements(maintenance.href, `CREATE DATABASE ${name}`);
}

async function runStatements(url: string, ...statements: readonly string[]): Promise<void> {
  await withConnection(url, async (client) => {
    for (const statement of statements) await client.query(statement);
  });
}

async function withConnection(url: string, work: (client: pg.Client) => Promise<void>): Promise<void> {
  const client = await openClient({ url, isPooled: false }, { application_name: 'gatehouse schema' });
  try {
    await work(client);
  } finally {
    await client.end();
  }
}
