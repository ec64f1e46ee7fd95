import { randomBytes } from 'node:crypto';
import pg from 'pg';
import type { DatabaseConfig } from '../config/config.js';
import { START_LOCK, withAdvisoryLock } from './advisory-lock.js';

/** Drops everything in the database, data and schema alike. */
export async function dropEverything(config: DatabaseConfig): Promise<void> {
  await withAdvisoryLock(config, START_LOCK, () =>
    runStatements(config.databaseDirectUrl, 'DROP SCHEMA public CASCADE', 'CREATE SCHEMA public'),
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
  const scratch = new URL(url);
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
  const maintenance = new URL(url);
  maintenance.pathname = '/postgres';
  const name = pg.escapeIdentifier(decodeURIComponent(new URL(url).pathname.slice(1)));
  await runStatements(maintenance.href, `CREATE DATABASE ${name}`);
}

async function runStatements(url: string, ...statements: readonly string[]): Promise<void> {
  await withConnection(url, async (client) => {
    for (const statement of statements) await client.query(statement);
  });
}

async function withConnection(url: string, work: (client: pg.Client) => Promise<void>): Promise<void> {
  const client = new pg.Client({ connectionString: url, application_name: 'gatehouse schema' });
  await client.connect();
  try {
    await work(client);
  } finally {
    await client.end();
  }
}
