import { execFile } from 'node:child_process';
import { hash, randomUUID } from 'node:crypto';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, inject, it, onTestFinished, vi } from 'vitest';
import { ensureMigrated, pendingMigrations } from '../../dist/database/run-migrations.js';
import { RefreshTokenCodec } from '../../src/sessions/refresh-token-codec.js';
import { createDatabase, emptyDatabase, query, startApp, testConfig } from '../support/app.js';
import { MASTER_SECRET } from '../support/processes.js';

/** Runs a script as package.json does after the build, on a database of the test. */
async function run(databaseUrl: string, ...args: string[]): Promise<string> {
  const env = { ...process.env, DATABASE_URL: databaseUrl, MASTER_SECRET };
  const quiet = ['--disable-warning=ExperimentalWarning'];
  const { stdout } = await promisify(execFile)('node', [...quiet, ...args], { env });
  return stdout;
}

function checksumOf(migration: string): string {
  return hash('sha256', readFileSync(`prisma/migrations/${migration}/migration.sql`));
}

/** Runs the Prisma CLI as `npx prisma` does; the host for engine downloads is unreachable. */
async function prisma(env: Record<string, string>, ...args: string[]): Promise<string> {
  const { DATABASE_URL: _, ...inherited } = process.env;
  const { stdout } = await promisify(execFile)('node_modules/.bin/prisma', args, {
    env: { ...inherited, PRISMA_ENGINES_MIRROR: 'http://127.0.0.1:1', ...env },
  });
  return stdout;
}

/** Adds the command lines of all running processes. */
function collectCommands(commands: Set<string>): void {
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      commands.add(readFileSync(`/proc/${pid}/cmdline`, 'utf8'));
    } catch {
      // The process has exited.
    }
  }
}

describe('migrations', () => {
  it('agree with schema.prisma', async () => {
    const before = readdirSync('prisma/migrations');
    const said = await run(inject('databaseServerUrl'), 'dist/cli/gatehouse.js', 'migrate:new', 'drift');
    expect(said).toBe('The Prisma schema has not changed.\n');
    expect(readdirSync('prisma/migrations')).toEqual(before);
  });

  it('are written by db:migrate:new for a changed schema, which then agrees', async () => {
    const project = mkdtempSync(join(tmpdir(), 'gatehouse-project-'));
    for (const folder of ['dist', 'prisma', '.config']) cpSync(folder, join(project, folder), { recursive: true });
    for (const name of ['node_modules', 'package.json']) symlinkSync(resolve(name), join(project, name));
    const schema = join(project, 'prisma/schema.prisma');
    writeFileSync(schema, readFileSync(schema, 'utf8').replace(/^model User \{$/m, '$&\n  nickname String?'));
    const script = [join(project, 'dist/cli/gatehouse.js'), 'migrate:new'];
    const url = inject('databaseServerUrl');
    const file = /^Wrote (\S+_add_nickname\/migration\.sql): read it/.exec(
      await run(url, ...script, 'add_nickname'),
    )?.[1];
    expect(readFileSync(file ?? '', 'utf8')).toMatch(/ALTER TABLE "users" ADD COLUMN\s+"nickname" TEXT;/);
    expect(await run(url, ...script, 'again')).toBe('The Prisma schema has not changed.\n');
    rmSync(project, { recursive: true });
  });

  it('are written for models in files of their own, which the client has, too', async () => {
    const project = mkdtempSync(join(tmpdir(), 'gatehouse-project-'));
    onTestFinished(() => rmSync(project, { recursive: true }));
    for (const folder of ['dist', 'prisma', '.config']) cpSync(folder, join(project, folder), { recursive: true });
    for (const name of ['node_modules', 'package.json']) symlinkSync(resolve(name), join(project, name));
    const schema = join(project, 'prisma/schema.prisma');
    const addItems = (field = ''): void => {
      const text = `model TestItem {
  id     String @id @db.Uuid
  userId String @map("user_id") @db.Uuid
  user   User   @relation(fields: [userId], references: [id], onDelete: Cascade)
  ${field}
  @@map("test_items")
}
`;
      writeFileSync(join(project, 'prisma/test-items.prisma'), text);
    };
    const generated = join(project, 'src/database/generated/models/TestItem.ts');
    const generate = (): Promise<unknown> => {
      const env = { ...process.env, PATH: `${project}/node_modules/.bin:${process.env['PATH'] ?? ''}` };
      return promisify(execFile)('node', ['.config/generate.mjs'], { cwd: project, env });
    };
    mkdirSync(join(project, 'src/database/generated'), { recursive: true });
    addItems();
    writeFileSync(schema, readFileSync(schema, 'utf8').replace(/^model User \{$/m, '$&\n  testItems TestItem[]'));
    await generate();
    expect(readFileSync(generated, 'utf8')).toContain('userId');
    const script = [join(project, 'dist/cli/gatehouse.js'), 'migrate:new'];
    const url = inject('databaseServerUrl');
    const file = /^Wrote (\S+_items\/migration\.sql): read it/.exec(await run(url, ...script, 'items'))?.[1] ?? '';
    expect(readFileSync(file, 'utf8').match(/^(?:CREATE|ALTER|DROP) \w+ "\w+"/gm)).toEqual([
      'CREATE TABLE "test_items"',
      'ALTER TABLE "test_items"',
    ]);
    expect(await run(url, ...script, 'again')).toBe('The Prisma schema has not changed.\n');
    addItems('title String?');
    await generate();
    expect(readFileSync(generated, 'utf8')).toContain('title');
    addItems('title Nope?');
    await expect(run(url, ...script, 'nope')).rejects.toMatchObject({
      stderr: expect.stringMatching(/prisma\/test-items\.prisma:5 is not valid: Type "Nope"/) as string,
    });
  });

  describe('in a copy of the project', () => {
    let project: string;
    let schema: string;
    beforeEach(() => {
      project = mkdtempSync(join(tmpdir(), 'gatehouse-project-'));
      for (const folder of ['dist', 'prisma', '.config']) cpSync(folder, join(project, folder), { recursive: true });
      for (const name of ['node_modules', 'package.json']) symlinkSync(resolve(name), join(project, name));
      schema = join(project, 'prisma/schema.prisma');
    });
    afterEach(() => rmSync(project, { recursive: true }));

    const changeUser = (line: string): void =>
      writeFileSync(schema, readFileSync(schema, 'utf8').replace(/^model User \{$/m, `$&\n  ${line}`));
    const migrations = (): string[] => readdirSync(join(project, 'prisma'), { recursive: true, encoding: 'utf8' });
    /** Runs the command in the shell, with what comes before it. @returns what it printed on stderr */
    const failure = async (url: string, command: string, prefix = ''): Promise<string> => {
      const script = `${prefix} exec '${process.execPath}' '${project}/dist/cli/gatehouse.js' ${command}`;
      const failed = promisify(execFile)('bash', ['--norc', '-c', script], {
        env: { ...process.env, DATABASE_URL: url },
      });
      const error = (await failed.catch((reason: unknown) => reason)) as { code: number; stderr: string };
      expect(error.code).toBe(1);
      expect(error.stderr).toMatch(/^[^\n]+\n$/);
      return error.stderr;
    };

    it('leave nothing where they cannot be written whole', async () => {
      changeUser('nickname String?');
      const before = migrations();
      // No file may grow, as on a full disk.
      const said = await failure(inject('databaseServerUrl'), 'migrate:new nickname', "trap '' XFSZ; ulimit -f 0;");
      expect(said).toMatch(/^The migration cannot be written into \S+\/prisma\/migrations, and nothing was: EFBIG/);
      expect(migrations()).toEqual(before);
    });

    it('that are empty are named and not applied', async () => {
      const url = await emptyDatabase();
      const folder = join(project, 'prisma/migrations/29990101000000_empty');
      mkdirSync(folder);
      expect(await failure(url, 'migrate')).toBe(
        `The migration ${folder} has no migration.sql: write it, or delete the folder.\n`,
      );
      writeFileSync(join(folder, 'migration.sql'), '\n');
      expect(await failure(url, 'migrate')).toBe(
        `The migration ${folder}/migration.sql is empty: write it, or delete the folder.\n`,
      );
      expect(await query(url, "SELECT FROM pg_class WHERE relname = '_prisma_migrations'")).toEqual([]);
    });

    it('are not written for an invalid schema.prisma, whose first error is named with its line', async () => {
      changeUser('first Nope?\n  second Nope?');
      const line = readFileSync(schema, 'utf8').split('\n').indexOf('  first Nope?') + 1;
      expect(await failure(inject('databaseServerUrl'), 'migrate:new bad')).toBe(
        `${schema}:${line} is not valid: Type "Nope" is neither a built-in type, nor refers to another model, composite type, or enum.\n`,
      );
    });
  });

  it('are not written for a role without CREATEDB, and the message has the statement that grants it', async () => {
    const role = `Owner ${hash('sha256', randomUUID()).slice(0, 8)}`;
    const administratorUrl = inject('administratorUrl');
    await query(administratorUrl, `CREATE ROLE "${role}" LOGIN PASSWORD 'x'`);
    onTestFinished(() => query(administratorUrl, `DROP ROLE "${role}"`).then(() => undefined));
    const url = new URL(inject('databaseServerUrl'));
    [url.username, url.password] = [role, 'x'];
    const env = { ...process.env, DATABASE_URL: url.href };
    const script = ['dist/cli/gatehouse.js', 'migrate:new', 'drift'];
    const refused = await promisify(execFile)('node', script, { env }).catch((error: unknown) => error);
    const [, statement = ''] =
      /Ask an administrator to run: (ALTER ROLE .* CREATEDB;)\n$/.exec((refused as { stderr: string }).stderr) ?? [];
    await query(administratorUrl, statement);
    expect(await run(url.href, ...script)).toBe('The Prisma schema has not changed.\n');
  });

  it('are applied once by four first starts at once', async () => {
    const config = testConfig(await emptyDatabase());
    const applied = await Promise.all([1, 2, 3, 4].map(() => ensureMigrated(config, { migrate: true })));
    expect(applied.filter((names) => names.length > 0)).toHaveLength(1);
    expect(await pendingMigrations(config)).toEqual([]);
    const rows = await query(config.databaseUrl, 'SELECT 1 FROM _prisma_migrations');
    expect(rows).toHaveLength(
      readdirSync('prisma/migrations', { withFileTypes: true }).filter((each) => each.isDirectory()).length,
    );
  });

  it('that are missing stop the start with the command to run, which applies them', async () => {
    const url = await emptyDatabase();
    await expect(ensureMigrated(testConfig(url), { migrate: false })).rejects.toThrow('npm run db:migrate');
    expect(await run(url, 'dist/cli/gatehouse.js', 'migrate')).toMatch(/^Applied \d{14}_/);
    expect(await run(url, 'dist/cli/gatehouse.js', 'migrate')).toBe('Nothing to migrate.\n');
    await ensureMigrated(testConfig(url), { migrate: false });
  });

  it('of the embedded database are applied only by a start or by db:migrate, and other commands say so', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'gatehouse-behind-'));
    chmodSync(folder, 0o711);
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const { DATABASE_URL: _, ...inherited } = process.env;
    const env = { ...inherited, DATA_DIR: folder };
    const users = (): Promise<unknown> =>
      promisify(execFile)('node', ['dist/cli/gatehouse.js', 'users', 'list'], { env });
    await expect(users()).rejects.toMatchObject({
      code: 1,
      stderr: `The embedded database in ${folder} (DATA_DIR) has not been created yet: start the service once (\`npm start\`), or run \`npm run db:migrate\`.\n`,
    });
    expect(readdirSync(folder)).toEqual([]);
    // It makes the embedded database and migrates another beside it.
    await promisify(execFile)('node', ['dist/cli/gatehouse.js', 'migrate:new', 'drift'], { env });
    await expect(users()).rejects.toMatchObject({
      code: 1,
      stderr:
        'The schema of the embedded database is behind this version, and this command does not migrate: start the service once, or run `npm run db:migrate`.\n',
    });
  });

  it('need no MASTER_SECRET on a DATABASE_URL', async () => {
    const env = { PATH: process.env['PATH'], DATABASE_URL: await emptyDatabase() };
    const migrated = await promisify(execFile)('node', ['dist/cli/gatehouse.js', 'migrate'], { env });
    expect(migrated.stdout).toMatch(/^Applied /);
  });

  it('that are newer than the code do not stop the start', async () => {
    const url = await createDatabase();
    await query(
      url,
      `INSERT INTO _prisma_migrations (id, checksum, migration_name, finished_at, applied_steps_count)
       VALUES ('later', 'none', '29990101000000_later', now(), 1)`,
    );
    await expect(ensureMigrated(testConfig(url), { migrate: false })).resolves.toEqual([]);
  });

  it('that failed earlier are named at the start', async () => {
    const url = await createDatabase();
    await query(url, `UPDATE _prisma_migrations SET finished_at = NULL, logs = 'ERROR: …'`);
    await expect(ensureMigrated(testConfig(url), { migrate: false })).rejects.toThrow(
      /^The migration \S+ failed earlier\. The reason is in _prisma_migrations\.logs: .* resolve --rolled-back \d{14}_/,
    );
  });
});

/** Milliseconds since 1970 in a UUID of version 7, as SQL. */
const idMilliseconds = (column: string): string =>
  `('x' || left(replace(${column}::text, '-', ''), 12))::bit(48)::bigint`;

describe('the seed', () => {
  it('creates one user with a password that is printed once', async () => {
    const url = await createDatabase();
    expect(await run(url, 'dist/cli/gatehouse.js', 'seed', '--force')).toMatch(
      /^admin@example\.com has the password \S{24}\n$/,
    );
    expect(await run(url, 'dist/cli/gatehouse.js', 'seed', '--force')).toBe('admin@example.com is there already.\n');
    expect(await query(url, 'SELECT email, roles FROM users')).toEqual([
      { email: 'admin@example.com', roles: ['admin'] },
    ]);
  });

  it('creates further users with a password other than the printed one', async () => {
    const url = await createDatabase();
    const printed = await run(url, 'dist/cli/gatehouse.js', 'seed', '--force', '--users', '2');
    const [, password = ''] = /has the password (\S{24})$/m.exec(printed) ?? [];
    const app = await startApp({ databaseUrl: url });
    expect((await app.login('admin@example.com', password)).status).toBe(200);
    expect((await app.login('user1@example.com', password)).status).toBe(401);
  });

  it('creates 100,000 users with version 7 ids within 10 s', async () => {
    const url = await createDatabase();
    const start = performance.now();
    await run(url, 'dist/cli/gatehouse.js', 'seed', '--force', '--users', '100000');
    expect(performance.now() - start).toBeLessThan(10_000);
    const [counted] = await query<{ all: number; sevens: number; dated: number }>(
      url,
      `SELECT count(*)::int AS all, count(*) FILTER (WHERE id::text ~ '^.{14}7.{4}[89ab]')::int AS sevens,
              count(*) FILTER (WHERE ${idMilliseconds('id')} = (extract(epoch FROM created_at) * 1000)::bigint
                               AND created_at BETWEEN now() - interval '366 days' AND now())::int AS dated
       FROM users WHERE email_lower <> 'admin@example.com'`,
    );
    expect(counted).toEqual({ all: 100_000, sevens: 100_000, dated: 100_000 });
  });

  it('creates sessions that can be refreshed and audit events, none older than its user, and keeps existing users', async () => {
    const url = await createDatabase();
    const seed = () =>
      run(
        url,
        'dist/cli/gatehouse.js',
        'seed',
        '--force',
        '--users',
        '2000',
        '--sessions',
        '25000',
        '--events',
        '30000',
      );
    expect(await seed()).toContain(
      'They have 25000 more sessions.\nThe audit trail has 30000 more events of theirs.\n',
    );
    const [sessions] = await query(
      url,
      `SELECT count(*)::int AS all, count(*) FILTER (WHERE ${idMilliseconds('s.id')} = (extract(epoch FROM s.created_at) * 1000)::bigint)::int AS dated,
              count(DISTINCT user_id) > 1000 AS "areSpread",
              (SELECT max(count) FROM (SELECT count(*) FROM sessions GROUP BY user_id) each) < 250 AS "hasNobodyMany",
              count(DISTINCT s.created_at) > 24000 AS "haveTheirTimes",
              bool_and(u.created_at <= s.created_at AND s.created_at <= s.refreshed_at AND s.refreshed_at <= now()
                       AND (s.refresh_counter = 0) = (s.refreshed_at = s.created_at)
                       AND coalesce(s.ended_at BETWEEN s.refreshed_at AND now(), true)) AS "arePossible",
              bool_and(s.refreshed_at > now() - interval '14 days' AND s.created_at > now() - interval '30 days') AS "areWithinLimits",
              count(s.ended_at) BETWEEN 900 AND 1600 AS "haveEndedSometimes"
       FROM sessions s JOIN users u ON u.id = s.user_id`,
    );
    expect(sessions).toEqual({
      all: 25_000,
      dated: 25_000,
      areSpread: true,
      hasNobodyMany: true,
      haveTheirTimes: true,
      arePossible: true,
      areWithinLimits: true,
      haveEndedSometimes: true,
    });
    const [events] = await query(
      url,
      `SELECT count(*)::int AS all, bool_and(u.created_at <= e.occurred_at AND e.occurred_at <= now()) AS "arePossible",
              bool_and(e.occurred_at >= e.before) AS "areInOrder", min(e.occurred_at) < now() - interval '80 days' AS "areSpread"
       FROM (SELECT *, lag(occurred_at, 1, '-infinity') OVER (ORDER BY id) AS before FROM audit_events) e
       JOIN users u ON u.id = e.user_id`,
    );
    expect(events).toEqual({ all: 30_000, arePossible: true, areInOrder: true, areSpread: true });
    expect(await seed()).toContain('admin@example.com is there already.');
    const [again] = await query(
      url,
      'SELECT (SELECT count(*)::int FROM users) AS users, (SELECT count(*)::int FROM sessions) AS sessions',
    );
    expect(again).toEqual({ users: 2001, sessions: 50_000 });
    const app = await startApp({ databaseUrl: url });
    const [live] = await query<{ id: string; counter: number }>(
      url,
      'SELECT id, refresh_counter AS counter FROM sessions WHERE ended_at IS NULL AND refresh_counter > 0 LIMIT 1',
    );
    if (live === undefined) throw new TypeError('there is no live session');
    const refreshToken = app.nest
      .get(RefreshTokenCodec, { strict: false })
      .encodeRefreshToken({ sessionId: live.id, counter: live.counter });
    expect((await app.refresh(refreshToken)).status).toBe(200);
  });
});

describe('scripts on a DATABASE_URL', () => {
  it.each(['seed', 'reset'])('require --force: %s', async (command) => {
    const url = await createDatabase();
    await expect(run(url, 'dist/cli/gatehouse.js', command)).rejects.toThrow('--force');
  });

  it('reset it to an empty, migrated schema and name that schema', async () => {
    const url = await createDatabase();
    await run(url, 'dist/cli/gatehouse.js', 'seed', '--force');
    const place = `schema "public" of the database "${new URL(url).pathname.slice(1)}" at `;
    await expect(run(url, 'dist/cli/gatehouse.js', 'reset')).rejects.toThrow(`This drops the ${place}`);
    expect(await query(url, 'SELECT 1 FROM users')).toHaveLength(1);
    expect(await run(url, 'dist/cli/gatehouse.js', 'reset', '--force')).toContain(`The ${place}`);
    expect(await query(url, 'SELECT 1 FROM users')).toEqual([]);
  });
});

describe("the Prisma CLI with the project's schema engine", () => {
  it('deploys and reports like the native engine', async () => {
    const url = await emptyDatabase();
    await expect(prisma({ DATABASE_URL: url }, 'migrate', 'status')).rejects.toMatchObject({
      stdout: expect.stringContaining('have not yet been applied') as string,
    });
    expect(await prisma({ DATABASE_URL: url }, 'migrate', 'deploy')).toContain('successfully applied');
    expect(await prisma({ DATABASE_URL: url }, 'migrate', 'status')).toContain('up to date');
    const rows = await query<{ name: string; checksum: string; steps: number; done: boolean }>(
      url,
      `SELECT migration_name AS name, checksum, applied_steps_count AS steps, finished_at >= started_at AS done
       FROM _prisma_migrations ORDER BY 1`,
    );
    expect(rows.length).toBeGreaterThan(0);
    for (const row of rows) expect(row).toEqual({ ...row, checksum: checksumOf(row.name), steps: 1, done: true });
    await ensureMigrated(testConfig(url), { migrate: false });
  });

  it('creates a missing database, seeds it and resets it', async () => {
    const url = new URL(await createDatabase());
    url.pathname += '_of_the_cli';
    const env = { DATABASE_URL: url.href, MASTER_SECRET };
    expect(await prisma(env, 'migrate', 'deploy')).toContain('created');
    expect(await prisma(env, 'db', 'seed', '--', '--force')).toMatch(/admin@example\.com has the password \S{24}/);
    expect(await prisma(env, 'migrate', 'reset', '--force')).toContain('reset successful');
    expect(await query(url.href, 'SELECT 1 FROM users')).toEqual([]);
  });

  it('finds no schema difference, and does not change data', async () => {
    const url = await createDatabase();
    await run(url, 'dist/cli/gatehouse.js', 'seed', '--force');
    for (const _ of [1, 2]) {
      expect(await prisma({ DATABASE_URL: url }, 'migrate', 'dev', '--name', 'none')).toContain('Already in sync');
    }
    expect(await query(url, 'SELECT 1 FROM users')).toHaveLength(1);
  });

  it('reports errors of migrations and connections', async () => {
    const nobody = { DATABASE_URL: 'postgresql://nobody@127.0.0.1:1/none' };
    await expect(prisma(nobody, 'migrate', 'deploy')).rejects.toThrow('P1001');
    const url = await createDatabase();
    await query(url, 'UPDATE _prisma_migrations SET finished_at = NULL');
    await expect(prisma({ DATABASE_URL: url }, 'migrate', 'deploy')).rejects.toThrow('P3009');
  });

  it.runIf(process.platform === 'linux').each(['a DATABASE_URL', 'the embedded database'])(
    'passes the password of %s in no command-line argument (FLT-27)',
    async (which) => {
      const folder = mkdtempSync(join(tmpdir(), 'gatehouse-cli-'));
      chmodSync(folder, 0o711);
      onTestFinished(() => rmSync(folder, { recursive: true }));
      const isEmbedded = which === 'the embedded database';
      const env = isEmbedded ? { DATA_DIR: folder } : { DATABASE_URL: await createDatabase() };
      const commands = new Set<string>();
      const watching = setInterval(() => collectCommands(commands), 10);
      await prisma(env, 'migrate', isEmbedded ? 'deploy' : 'status');
      clearInterval(watching);
      const password =
        env.DATABASE_URL === undefined
          ? readFileSync(join(folder, 'database-password'), 'utf8').trim()
          : new URL(env.DATABASE_URL).password;
      const engines = [...commands].filter((command) => command.includes('prisma-cli-engine.process.js'));
      expect(engines.some((command) => command.includes('--datasource'))).toBe(true);
      expect([...commands].filter((command) => command.includes(password))).toEqual([]);
      await vi.waitFor(() => expect(existsSync(join(folder, 'postgres/postmaster.pid'))).toBe(false), {
        timeout: 10_000,
      });
    },
  );

  it('starts the embedded database for a command and stops it afterwards', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'gatehouse-cli-'));
    chmodSync(folder, 0o711);
    const env = { DATA_DIR: join(folder, 'data') };
    expect(await prisma(env, 'migrate', 'deploy')).toContain('successfully applied');
    const postmaster = join(folder, 'data/postgres/postmaster.pid');
    await vi.waitFor(() => expect(existsSync(postmaster)).toBe(false), { timeout: 10_000 });
    expect(await prisma(env, 'db', 'seed')).toMatch(/admin@example\.com has the password \S{24}/);
    await vi.waitFor(() => expect(existsSync(postmaster)).toBe(false), { timeout: 10_000 });
    rmSync(folder, { recursive: true });
  });
});
