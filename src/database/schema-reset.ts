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
  return { url: scratch.href, drop: () => runStatements(url, `DROP DATABASE ${name} WITH (FORCE)`) };
}

/** Makes the database that the URL names. The role needs CREATEDB. */
export async function createDatabase(url: string): Promise<void> {
  const maintenance = new URL(url);
  maintenance.pathname = '/postgres';
  const name = pg.escapeIdentifier(decodeURIComponent(new URL(url).pathname.slice(1)));
  await runStatements(maintenance.href, `CREATE DATABASE ${name}`);
}

async function runStatements(url: string, ...statements: readonly string[]): Promise<void> {
  const client = new pg.Client({ connectionString: url, application_name: 'gatehouse schema' });
  await client.connect();
  try {
    for (const statement of statements) await client.query(statement);
  } finally {
    await client.end();
  }
}
