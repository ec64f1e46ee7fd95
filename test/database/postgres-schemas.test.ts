import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, inject, it } from 'vitest';
import { pendingMigrations } from '../../src/database/run-migrations.js';
import { ensureMigrated } from '../../dist/database/run-migrations.js';
import { parseSettings } from '../../dist/config/read-settings.js';
import { provideDatabase } from '../../dist/database/provide-database.js';
import { NO_WAIT, retryUntilDatabaseAnswers } from '../../dist/database/wait-for-database.js';
import { afterAllTests, createDatabase, emptyDatabase, query, startApp, testConfig } from '../support/app.js';
import { newFolder } from '../support/npm.js';
import { MASTER_SECRET, startNode, type Node } from '../support/processes.js';

/** A name that needs quoting. */
const SCHEMA = 'Gate-House X\\';
const QUOTED = `"${SCHEMA}"`;
/** The checksum of the first migration when it still had `CREATE SCHEMA IF NOT EXISTS "public"`. */
const OLD_CHECKSUM = 'eb1fd4456aa9f2c19d5f6acfe57586aae784e264a946409ed4980302fc3520e9';

function inSchema(url: string, schema: string): string {
  const copy = new URL(url);
  copy.searchParams.set('schema', schema);
  return copy.href;
}

/** Runs a built command or the Prisma CLI on this database. */
async function run(url: string, program: string, ...args: string[]): Promise<string> {
  const env = { ...process.env, DATABASE_URL: url, MASTER_SECRET };
  return (await promisify(execFile)(program, args, { env })).stdout;
}

const prisma = (url: string, ...args: string[]): Promise<string> => run(url, 'node_modules/.bin/prisma', ...args);
const tablesIn = (url: string, schema: string): Promise<object[]> =>
  query(url, 'SELECT tablename FROM pg_tables WHERE schemaname = $1 ORDER BY 1', [schema]);

/** A role that owns its schema in the database and has no other privilege there; resolves with its URL. */
async function ownerOfSchema(url: string, onFinished: (clean: () => Promise<void>) => void): Promise<string> {
  const role = `owner_${randomUUID().replaceAll('-', '')}`;
  const administrator = new URL(inject('administratorUrl'));
  const administer = (sql: string): Promise<object[]> => query(administrator.href, sql);
  await administer(`CREATE ROLE ${role} LOGIN PASSWORD 'choose one'`);
  administrator.pathname = new URL(url).pathname;
  await administer(`CREATE SCHEMA ${QUOTED} AUTHORIZATION ${role}`);
  onFinished(async () => {
    await administer(`DROP OWNED BY ${role} CASCADE`);
    administrator.pathname = '/postgres';
    await administer(`DROP ROLE ${role}`);
  });
  const owner = new URL(url);
  [owner.username, owner.password] = [role, 'choose one'];
  return inSchema(owner.href, SCHEMA);
}

describe('a service whose role owns nothing but its schema', () => {
  const onFinished = afterAllTests();
  let database: string;
  let url: string;
  let nodes: [Node, Node];

  beforeAll(async () => {
    database = await createDatabase(onFinished);
    await query(database, 'DROP SCHEMA public CASCADE; CREATE SCHEMA public');
    url = await ownerOfSchema(database, onFinished);
    expect(await run(url, 'node', 'dist/cli/gatehouse.js', 'migrate')).toMatch(/^Applied /);
    nodes = await Promise.all([startNode(url, {}, onFinished), startNode(url, {}, onFinished)]);
  });

  it('has all its tables there, and the Prisma CLI finds them (CFG-02)', async () => {
    expect(await tablesIn(database, 'public')).toEqual([]);
    expect((await tablesIn(database, SCHEMA)).length).toBeGreaterThan(7);
    expect(await prisma(url, 'migrate', 'status')).toContain('up to date');
    expect(await prisma(url, 'migrate', 'deploy')).toContain('No pending migrations');
  });

  it('applies revocations on both nodes', async () => {
    const [one, other] = nodes;
    const { email, token, userId } = await one.client.signIn();
    expect((await other.client.me(token)).status).toBe(200);
    expect((await other.client.logout(token)).status).toBe(204);
    await expect.poll(async () => (await one.client.me(token)).status).toBe(401);
    expect(await run(url, 'node', 'dist/cli/gatehouse.js', 'users', 'list')).toContain(email);
    expect(await run(url, 'node', 'dist/cli/gatehouse.js', 'events', email)).toContain(userId);
    expect(await run(url, 'node', 'dist/cli/gatehouse.js', 'seed', '--force')).toMatch(
      /^admin@example\.com has the password/,
    );
  });

  it('is separate from another service in the same database, which resets only itself', async () => {
    const second = inSchema(database, 'second');
    expect(await prisma(second, 'migrate', 'deploy')).toContain('successfully applied');
    const [first] = nodes;
    const here = await first.client.signIn();
    const app = await startApp({ databaseUrl: second });
    expect((await app.login(here.email)).status).toBe(401);
    const there = await app.signIn();
    expect((await first.client.login(there.email)).status).toBe(401);
    expect(await run(second, 'node', 'dist/cli/gatehouse.js', 'reset', '--force')).toContain('empty and migrated');
    expect(await query(database, 'SELECT FROM second.users')).toEqual([]);
    expect((await first.client.login(here.email)).status).toBe(200);
  });

  it('has no schema difference for the migration tools', async () => {
    const second = inSchema(await emptyDatabase(), SCHEMA);
    await run(second, 'node', 'dist/cli/gatehouse.js', 'migrate');
    expect(await prisma(second, 'migrate', 'dev', '--name', 'none')).toContain('Already in sync');
    expect(
      await run(
        second,
        'node',
        '--disable-warning=ExperimentalWarning',
        'dist/cli/gatehouse.js',
        'migrate:new',
        'none',
      ),
    ).toBe('The Prisma schema has not changed.\n');
  });
});

describe('a schema in the URL', () => {
  it('whose tables are still in "public" is refused with the statements that move them, and these work (CFG-05)', async () => {
    const database = await createDatabase();
    const app = await startApp({ databaseUrl: database });
    const { email } = await app.signIn();
    await app.nest.close();
    const url = inSchema(database, SCHEMA);
    for (const migrate of [true, false]) {
      await expect(ensureMigrated(testConfig(url), { migrate })).rejects.toThrow(/"public" has them\.$/m);
    }
    const refused = await run(url, 'node', 'dist/cli/gatehouse.js', 'migrate').catch(String);
    expect(await tablesIn(database, SCHEMA)).toEqual([]);
    const statements = [...refused.matchAll(/^ {2}((?:ALTER|CREATE) .+;)$/gm)].map(([, statement = '']) => statement);
    expect(statements.length).toBeGreaterThan(8);
    for (const statement of statements) await query(database, statement);
    expect(await tablesIn(database, 'public')).toEqual([]);
    await ensureMigrated(testConfig(url), { migrate: false });
    const moved = await startApp({ databaseUrl: url });
    expect((await moved.login(email)).status).toBe(200);
    // An explicit "public" is accepted as before.
    await ensureMigrated(testConfig(inSchema(await createDatabase(), 'public')), { migrate: false });
  });

  it('whose tables are those of an older version in "public" is refused with statements for what is there', async () => {
    const database = await createDatabase();
    // As if a later migration had created it.
    await query(database, 'DROP TABLE rate_limits');
    const refused = await run(inSchema(database, SCHEMA), 'node', 'dist/cli/gatehouse.js', 'migrate').catch(String);
    const statements = [...refused.matchAll(/^ {2}((?:ALTER|CREATE) .+;)$/gm)].map(([, statement = '']) => statement);
    expect(statements.join('')).not.toContain('rate_limits');
    for (const statement of statements) await query(database, statement);
    expect(await tablesIn(database, 'public')).toEqual([]);
  });

  it('that is left out where another has the tables is refused, and may be named (CFG-05)', async () => {
    const database = await emptyDatabase();
    await run(inSchema(database, SCHEMA), 'node', 'dist/cli/gatehouse.js', 'migrate');
    for (const migrate of [true, false]) {
      await expect(ensureMigrated(testConfig(database), { migrate })).rejects.toThrow(
        `DATABASE_URL names no schema, "public" has no tables of this service, and ${QUOTED} has them.\nTo stay there, set DATABASE_SCHEMA=${SCHEMA}.`,
      );
    }
    expect(await tablesIn(database, 'public')).toEqual([]);
    await ensureMigrated(testConfig(inSchema(database, 'public')), { migrate: true });
    expect((await tablesIn(database, 'public')).length).toBeGreaterThan(7);
  });

  it('is the first in search_path, or the start is refused with the statement to run (CFG-05)', async () => {
    const url = await createDatabase();
    await query(url, `CREATE SCHEMA elsewhere`);
    const name = new URL(url).pathname.slice(1);
    await query(url, `ALTER DATABASE ${name} SET search_path = elsewhere`);
    const connect = (): Promise<unknown> => retryUntilDatabaseAnswers(testConfig(url), NO_WAIT, async () => undefined);
    const refused = String(await connect().catch(String));
    expect(refused).toContain('DATABASE_URL: its connections have the schema elsewhere. Run: ALTER ROLE');
    expect(refused).toContain('or name the other schema as ?schema=elsewhere');
    const [statement = ''] = /ALTER ROLE [^;]+;/.exec(refused) ?? [];
    await query(url, statement);
    await connect();
  });

  it('with the earlier checksum of the first migration is up to date, for the service and the Prisma CLI', async () => {
    const url = await createDatabase();
    await query(
      url,
      `UPDATE _prisma_migrations SET checksum = $1 WHERE migration_name = (SELECT min(migration_name) FROM _prisma_migrations)`,
      [OLD_CHECKSUM],
    );
    expect(await pendingMigrations(testConfig(url))).toEqual([]);
    expect(await prisma(url, 'migrate', 'status')).toContain('up to date');
    expect(await prisma(url, 'migrate', 'deploy')).toContain('No pending migrations');
  });
});

describe('the schema of the embedded database', () => {
  it('is that of its tables, or the start is refused with the statements that move them, and these work (CFG-05)', async () => {
    const environment = { DATA_DIR: join(newFolder('data'), 'data') };
    const migrate = async (changes: Record<string, string>): Promise<string> => {
      const database = await provideDatabase(parseSettings({ ...environment, ...changes }, 'migrate'), 'script');
      const migrated = ensureMigrated(database.config, { migrate: true }).then((names) => `Applied ${names.length}`);
      const said = await migrated.catch(String);
      await database.stop();
      return said;
    };
    const named = { DATABASE_SCHEMA: SCHEMA };
    expect(await migrate({})).toMatch(/^Applied [1-9]/);
    const refused = await migrate(named);
    expect(refused).toContain(
      `The schema ${QUOTED}, which DATABASE_SCHEMA names, of the embedded database has no tables of this service, and "public" has them.`,
    );
    expect(refused).toContain('To stay there, set DATABASE_SCHEMA=public.');
    expect(await migrate({ DATABASE_SCHEMA: 'public' })).toBe('Applied 0');
    const statements = [...refused.matchAll(/^ {2}((?:ALTER|CREATE) .+;)$/gm)].map(([, statement = '']) => statement);
    const database = await provideDatabase(parseSettings(environment, 'migrate'), 'script');
    try {
      for (const statement of statements) await query(database.config.databaseUrl, statement);
    } finally {
      await database.stop();
    }
    expect(await migrate(named)).toBe('Applied 0');
    for (const other of [{}, { DATABASE_SCHEMA: 'public' }, { DATABASE_SCHEMA: 'third' }]) {
      expect(await migrate(other)).toContain(`has no tables of this service, and ${QUOTED} has them.`);
    }
  });
});

describe('a DATABASE_URL with a socket', () => {
  it('in any form that psql accepts works in the service and the Prisma CLI', async () => {
    const url = await createDatabase();
    const { username, password, port, pathname, searchParams } = new URL(url);
    const folder = searchParams.get('host');
    // A server named by TEST_DATABASE_URL has no local socket.
    if (folder === null) return;
    for (const written of [
      `postgresql://${username}:${password}@:${port}${pathname}?host=${folder}`,
      `postgresql://${username}:${password}@${pathname}?host=${encodeURIComponent(folder)}&port=${port}`,
      `postgresql://${username}:${password}@${encodeURIComponent(folder)}:${port}${pathname}`,
    ]) {
      await ensureMigrated(testConfig(written), { migrate: false });
      expect(await prisma(written, 'migrate', 'status')).toContain('up to date');
    }
    const node = await startNode(`postgresql://${username}:${password}@${pathname}?host=${folder}&port=${port}`);
    expect((await node.client.signIn()).token).not.toBe('');
  });
});
