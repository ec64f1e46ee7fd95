import { execFile } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { promisify } from 'node:util';
import { describe, expect, inject, it } from 'vitest';
import pg from 'pg';
import { bringSchemaUpToDate, pendingMigrations } from '../dist/database/schema-version.js';
import { createDatabase, testConfig } from './app.js';

const MASTER_SECRET = 'kX3v0q9ZsM1tB7yR5uW2eA8nC4hJ6gLd';

/** A script as package.json runs it after the build, on a database of the test. */
async function run(databaseUrl: string, ...args: string[]): Promise<string> {
  const env = { ...process.env, DATABASE_URL: databaseUrl, MASTER_SECRET };
  const quiet = ['--disable-warning=ExperimentalWarning'];
  const { stdout } = await promisify(execFile)('node', [...quiet, ...args], { env });
  return stdout;
}

async function query<Row extends pg.QueryResultRow>(url: string, sql: string): Promise<Row[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<Row>(sql)).rows;
  } finally {
    await client.end();
  }
}

async function emptyDatabase(): Promise<string> {
  const url = await createDatabase();
  await query(url, 'DROP SCHEMA public CASCADE');
  await query(url, 'CREATE SCHEMA public');
  return url;
}

describe('migrations', () => {
  it('and schema.prisma agree', async () => {
    const before = readdirSync('prisma/migrations');
    const said = await run(inject('databaseServerUrl'), 'dist/new-migration.js', 'drift');
    expect(said).toBe('schema.prisma has not changed.\n');
    expect(readdirSync('prisma/migrations')).toEqual(before);
  });

  it('are applied once by four first starts at once', async () => {
    const config = testConfig(await emptyDatabase());
    await Promise.all([1, 2, 3, 4].map(() => bringSchemaUpToDate(config, { migrate: true })));
    expect(await pendingMigrations(config)).toEqual([]);
    const rows = await query(config.databaseUrl, 'SELECT 1 FROM _prisma_migrations');
    expect(rows).toHaveLength(
      readdirSync('prisma/migrations', { withFileTypes: true }).filter((each) => each.isDirectory()).length,
    );
  });

  it('that are missing are refused with the command to run, which then applies them', async () => {
    const url = await emptyDatabase();
    await expect(bringSchemaUpToDate(testConfig(url), { migrate: false })).rejects.toThrow('npm run db:migrate');
    expect(await run(url, 'dist/migrate-database.js')).toMatch(/^Applied \d{14}_/);
    expect(await run(url, 'dist/migrate-database.js')).toBe('Nothing to migrate.\n');
    await bringSchemaUpToDate(testConfig(url), { migrate: false });
  });

  it('that the code does not know are served', async () => {
    const url = await createDatabase();
    await query(
      url,
      `INSERT INTO _prisma_migrations (id, checksum, migration_name, finished_at, applied_steps_count)
       VALUES ('later', 'none', '29990101000000_later', now(), 1)`,
    );
    await expect(bringSchemaUpToDate(testConfig(url), { migrate: false })).resolves.toBeUndefined();
  });

  it('that failed earlier are named', async () => {
    const url = await createDatabase();
    await query(url, 'UPDATE _prisma_migrations SET finished_at = NULL');
    await expect(bringSchemaUpToDate(testConfig(url), { migrate: false })).rejects.toThrow('failed earlier');
  });
});

describe('the seed', () => {
  it('makes one user with a password that is printed once', async () => {
    const url = await createDatabase();
    expect(await run(url, 'prisma/seed.ts', '--force')).toMatch(/^admin@example\.com has the password \S{24}\n$/);
    expect(await run(url, 'prisma/seed.ts', '--force')).toBe('admin@example.com is there already.\n');
    expect(await query(url, 'SELECT 1 FROM users')).toHaveLength(1);
  });

  it('fills in 100,000 users with version 7 ids within 10 s', async () => {
    const url = await createDatabase();
    const start = performance.now();
    await run(url, 'prisma/seed.ts', '--force', '--users', '100000');
    expect(performance.now() - start).toBeLessThan(10_000);
    const [counted] = await query<{ all: number; sevens: number; recent: number }>(
      url,
      `SELECT count(*)::int AS all, count(*) FILTER (WHERE id::text ~ '^.{14}7.{4}[89ab]')::int AS sevens,
              count(*) FILTER (WHERE abs(extract(epoch FROM now()) - ('x' || left(replace(id::text, '-', ''), 12))::bit(48)::bigint / 1000.0) < 60)::int AS recent
       FROM users`,
    );
    expect(counted).toEqual({ all: 100_001, sevens: 100_001, recent: 100_001 });
  });
});

describe('on a DATABASE_URL', () => {
  it.each(['prisma/seed.ts', 'dist/reset-database.js'])('%s needs --force', async (script) => {
    const url = await createDatabase();
    await expect(run(url, script)).rejects.toThrow('--force');
  });

  it('a forced reset leaves an empty, migrated database', async () => {
    const url = await createDatabase();
    await run(url, 'prisma/seed.ts', '--force');
    await run(url, 'dist/reset-database.js', '--force');
    expect(await query(url, 'SELECT 1 FROM users')).toEqual([]);
  });
});
