import pg from 'pg';
import type { Config } from '../config/config.js';
import { START_LOCK, withAdvisoryLock } from './advisory-lock.js';

/** Drops everything in the database, data and schema alike. */
export async function dropEverything(config: Config): Promise<void> {
  await withAdvisoryLock(config, START_LOCK, () =>
    runStatements(config.databaseDirectUrl, 'DROP SCHEMA public CASCADE', 'CREATE SCHEMA public'),
  );
}

/** Makes an empty database beside the given one, and drops it after the work. The role needs CREATEDB. */
export async function withScratchDatabase<Result>(
  url: string,
  work: (url: string) => Promise<Result>,
): Promise<Result> {
  const name = `gatehouse_scratch_${process.pid}_${Date.now()}`;
  const scratch = new URL(url);
  scratch.pathname = `/${name}`;
  await runStatements(url, `CREATE DATABASE ${name}`);
  try {
    return await work(scratch.href);
  } finally {
    await runStatements(url, `DROP DATABASE ${name} WITH (FORCE)`);
  }
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
