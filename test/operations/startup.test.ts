import { execFile, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { promisify } from 'node:util';
import pg from 'pg';
import { describe, expect, inject, it, onTestFinished, vi } from 'vitest';
import { START_LOCK } from '../../src/database/advisory-lock.js';
import { pendingMigrations } from '../../src/database/run-migrations.js';
import { ensureMigrated } from '../../dist/database/run-migrations.js';
import {
  type WaitOptions,
  type WaitProgress,
  retryUntilDatabaseAnswers,
} from '../../dist/database/wait-for-database.js';
import { createDatabase, emptyDatabase, query, testConfig } from '../support/app.js';
import { DedicatedPostgres } from '../support/dedicated-postgres.js';
import { waitForExit, freePort, waitForUrl, startMain, MASTER_SECRET, type Program } from '../support/processes.js';

const LAST = 'SELECT max(migration_name) FROM _prisma_migrations';

/** Wait options that collect the reports of waiting. */
function collectingWaitOptions(
  seconds: number,
  signal?: AbortSignal,
): WaitOptions & { readonly reports: WaitProgress[] } {
  const reports: WaitProgress[] = [];
  return { seconds, signal, onWait: (progress) => void reports.push(progress), reports };
}

function changed(url: string, change: (changed: URL) => void): string {
  const copy = new URL(url);
  change(copy);
  return copy.href;
}

/** Starts a TCP server on 127.0.0.1; resolves with its port. */
async function serve(onConnection: (socket: Socket) => unknown, port = 0): Promise<number> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket.on('error', () => undefined));
    onConnection(socket);
  });
  await once(server.listen(port, '127.0.0.1'), 'listening');
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

/** Starts a TCP relay to the database of the URL; `until` may delay each connection. */
function relay(url: string, port = 0, until?: (connection: number) => Promise<void>): Promise<number> {
  const { hostname, port: to, searchParams } = new URL(url);
  const folder = searchParams.get('host');
  let connections = 0;
  return serve(async (client) => {
    await until?.(++connections);
    const upstream = folder === null ? connect(Number(to), hostname) : connect(`${folder}/.s.PGSQL.${to}`);
    upstream.on('error', () => client.destroy()).on('close', () => client.destroy());
    client.on('close', () => upstream.destroy());
    client.pipe(upstream).pipe(client);
  }, port);
}

/** The URL through a {@link relay} on this port. */
function viaRelay(url: string, port: number): string {
  return changed(url, (copy) => {
    [copy.hostname, copy.port, copy.search] = ['127.0.0.1', String(port), ''];
  });
}

const silentServer = async (): Promise<string> => `127.0.0.1:${await serve(() => undefined)}`;
const hangingServer = async (): Promise<string> => `127.0.0.1:${await serve((socket) => socket.destroy())}`;

/** The program's log lines of the start. */
function startLines(program: Program): Record<string, unknown>[] {
  const lines = program
    .output()
    .split('\n')
    .filter((line) => line.startsWith('{'));
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>).filter(({ context }) => context === 'Start');
}

const PRISMA_LOCK = 72_707_369;

/** A connection that has executed a locking statement and stays open. */
async function holdWith(url: string, sql: string): Promise<pg.Client> {
  const holder = new pg.Client({ connectionString: url });
  await holder.connect();
  onTestFinished(() => holder.end());
  await holder.query(sql);
  return holder;
}

/**
 * Runs Prisma's engine as another process would: with its own lock only. Resolves once it has
 * the lock and waits for a table.
 */
async function startOtherEngine(url: string): Promise<{ readonly exited: Promise<unknown> }> {
  const engine = fork('dist/database/apply-migrations.process.js', {
    execArgv: ['--disable-warning=ExperimentalWarning'],
  });
  const exited = once(engine, 'exit').then(([status]) => status as unknown);
  onTestFinished(async () => {
    engine.kill('SIGKILL');
    await exited;
  });
  engine.send(url);
  const waiting = `SELECT FROM pg_locks own JOIN pg_locks other USING (pid)
    WHERE own.locktype = 'advisory' AND own.objid = ${PRISMA_LOCK} AND own.granted AND NOT other.granted
      AND own.database = (SELECT oid FROM pg_database WHERE datname = current_database())`;
  await vi.waitFor(async () => expect(await query(url, waiting)).toHaveLength(1), 20_000);
  return { exited };
}

const connectWithRetry = (
  url: string,
  waitOptions: WaitOptions,
  databaseConnectionTimeoutMs = 20_000,
): Promise<string> =>
  retryUntilDatabaseAnswers(testConfig(url, { databaseConnectionTimeoutMs }), waitOptions, async () => 'done');

/** A migrated database whose last migration looks unfinished. */
async function databaseBeingMigrated(logs: string | null = null): Promise<string> {
  const url = await createDatabase();
  await query(
    url,
    `UPDATE _prisma_migrations SET finished_at = NULL, applied_steps_count = 0, logs = $1 WHERE migration_name = (${LAST})`,
    [logs],
  );
  return url;
}

describe('a migration in progress', () => {
  it.each([true, false])('is waited for, and then its database is used; migrate: %s (FLT-26)', async (migrate) => {
    const url = await databaseBeingMigrated();
    const waitOptions = collectingWaitOptions(60);
    const starting = ensureMigrated(testConfig(url), { migrate, waitOptions });
    await vi.waitFor(() => expect(waitOptions.reports).toHaveLength(1), 20_000);
    expect(waitOptions.reports[0]).toMatchObject({
      event: 'migration_awaited',
      migration: expect.stringMatching(/^\d{14}_/) as string,
    });
    await query(url, 'UPDATE _prisma_migrations SET finished_at = now() WHERE finished_at IS NULL');
    await starting;
  });

  it('that only its lock shows is waited for up to the time limit (FLT-26)', async () => {
    const url = await emptyDatabase();
    const holder = new pg.Client({ connectionString: url });
    await holder.connect();
    onTestFinished(() => holder.end());
    await holder.query('SELECT pg_advisory_lock($1)', [START_LOCK]);
    for (const migrate of [true, false]) {
      const starting = ensureMigrated(testConfig(url), { migrate, waitOptions: collectingWaitOptions(0) });
      await expect(starting).rejects.toThrow(
        /^Another process did not finish migrating .* start again when it has finished\.$/,
      );
    }
    const starting = ensureMigrated(testConfig(url), { migrate: true, waitOptions: collectingWaitOptions(60) });
    await holder.query('SELECT pg_advisory_unlock($1)', [START_LOCK]);
    await starting;
  });

  it.each([
    ['_prisma_migrations', true],
    ['_prisma_migrations', false],
    ['users', true],
    ['users', false],
  ])(
    "of another engine, which holds only Prisma's lock and is about to create %s, is waited for; migrate: %s (FLT-26)",
    async (table, migrate) => {
      const url = await emptyDatabase();
      // Another CREATE TABLE of this name waits until this one is rolled back.
      const holder = await holdWith(url, `BEGIN; CREATE TABLE ${table} ()`);
      const engine = await startOtherEngine(url);
      const options = (seconds: number) => ({ migrate, waitOptions: collectingWaitOptions(seconds) });
      await expect(ensureMigrated(testConfig(url), options(0))).rejects.toThrow(
        /start again when (it|that process) has finished\.$/,
      );
      const waiting = options(60);
      const starting = ensureMigrated(testConfig(url), waiting);
      await Promise.race([starting, vi.waitFor(() => expect(waiting.waitOptions.reports).toHaveLength(1), 20_000)]);
      const migration = table === 'users' ? (expect.stringMatching(/^\d{14}_/) as string) : undefined;
      expect(waiting.waitOptions.reports).toMatchObject([{ event: 'migration_awaited', migration }]);
      await holder.query('ROLLBACK');
      await starting;
      expect(await engine.exited).toBe(0);
      expect(await pendingMigrations(testConfig(url))).toEqual([]);
    },
  );

  it(
    "of another engine that takes the lock just before ours is waited for longer than our engine's 10 s (FLT-26)",
    { timeout: 60_000 },
    async () => {
      const url = await emptyDatabase();
      const holder = await holdWith(url, 'SELECT 1');
      // The second connection is that of our engine, after the check for locks.
      const port = await relay(url, 0, async (connection) => {
        if (connection === 2) await holder.query(`SELECT pg_advisory_lock(${PRISMA_LOCK})`);
      });
      const waitOptions = collectingWaitOptions(60);
      const starting = ensureMigrated(testConfig(viaRelay(url, port)), { migrate: true, waitOptions });
      await Promise.race([starting, vi.waitFor(() => expect(waitOptions.reports).toHaveLength(1), 25_000)]);
      await holder.query(`SELECT pg_advisory_unlock(${PRISMA_LOCK})`);
      await starting;
      expect(await pendingMigrations(testConfig(url))).toEqual([]);
    },
  );

  it('that failed stops the start at once (FLT-26)', async () => {
    const waitOptions = collectingWaitOptions(60);
    const starting = ensureMigrated(testConfig(await databaseBeingMigrated('ERROR: …')), {
      migrate: true,
      waitOptions,
    });
    await expect(starting).rejects.toThrow(
      /failed earlier\. The reason is in _prisma_migrations\.logs: .* --rolled-back \S+`/,
    );
    expect(waitOptions.reports).toEqual([]);
  });

  it('that was killed stops the start with the repair command, which works (FLT-26)', async () => {
    const url = await databaseBeingMigrated();
    const refused = await ensureMigrated(testConfig(url), {
      migrate: true,
      waitOptions: collectingWaitOptions(0),
    }).catch(String);
    expect(refused).toContain('No process holds the migration lock');
    const [, command = '', name = ''] =
      /`npx (prisma migrate resolve --rolled-back (\w+))`, or with --applied/.exec(refused as string) ?? [];
    expect(command).not.toBe('');
    const args = command.replace('--rolled-back', '--applied').split(' ').slice(1);
    await promisify(execFile)('node_modules/.bin/prisma', args, { env: { ...process.env, DATABASE_URL: url } });
    await ensureMigrated(testConfig(url), { migrate: false, waitOptions: collectingWaitOptions(0) });
    expect(await query(url, `SELECT FROM _prisma_migrations WHERE migration_name = $1`, [name])).not.toEqual([]);
  });

  it('is no longer waited for after a signal (FLT-26)', async () => {
    const stopping = new AbortController();
    const waitOptions = collectingWaitOptions(60, stopping.signal);
    const starting = ensureMigrated(testConfig(await databaseBeingMigrated()), { migrate: true, waitOptions });
    await vi.waitFor(() => expect(waitOptions.reports).toHaveLength(1), 20_000);
    stopping.abort();
    await expect(starting).rejects.toBe(stopping.signal.reason);
  });

  it('of 24 concurrent first starts, beside `npx prisma migrate deploy`, is executed once (FLT-17, FLT-26)', async () => {
    const url = await emptyDatabase();
    const config = testConfig(url);
    const env = { ...process.env, DATABASE_URL: url };
    const deploy = promisify(execFile)('node_modules/.bin/prisma', ['migrate', 'deploy'], { env });
    // Once it has started; it may be at any migration.
    await vi.waitFor(
      async () => expect(await query(url, LAST.replace('max', 'count')).catch(() => [])).not.toEqual([]),
      20_000,
    );
    const starts = Array.from({ length: 24 }, (_, turn) => ensureMigrated(config, { migrate: turn % 2 === 0 }));
    await Promise.all([deploy, ...starts]);
    expect(await pendingMigrations(config)).toEqual([]);
  });
});

describe('a failed migration', () => {
  it('leaves the schema unchanged (FLT-26)', async () => {
    const url = await emptyDatabase();
    // Makes the second statement of the first migration fail; with a table, the migration would not be attempted.
    await query(url, 'CREATE SEQUENCE sessions');
    await expect(ensureMigrated(testConfig(url), { migrate: true })).rejects.toThrow('sessions');
    expect(await query(url, `SELECT to_regclass('users') AS users`)).toEqual([{ users: null }]);
    await expect(ensureMigrated(testConfig(url), { migrate: true })).rejects.toThrow('failed earlier');
  });
});

describe('a database that is not available yet', () => {
  it('is waited for and logged by the app, which serves once it is available (FLT-26)', async () => {
    const url = await createDatabase();
    const port = await freePort();
    const program = startMain({ DATABASE_URL: viaRelay(url, port), MASTER_SECRET });
    await vi.waitFor(() => expect(startLines(program)).not.toEqual([]), 20_000);
    const [line] = startLines(program);
    expect(line).toMatchObject({
      level: 40,
      event: 'database_awaited',
      setting: 'DATABASE_URL',
      host: `127.0.0.1:${port}`,
    });
    expect(line?.['reason']).toContain('ECONNREFUSED');
    await relay(url, port);
    await waitForUrl(program);
  });

  it('ends the app with a message after the time limit, and with exit code 0 after a signal (FLT-26)', async () => {
    const DATABASE_URL = `postgresql://somebody:hidden-passphrase@127.0.0.1:${await freePort()}/gatehouse`;
    const [oneSecond, waiting] = ['1', '60'].map((seconds) =>
      startMain({ DATABASE_URL, MASTER_SECRET, DATABASE_STARTUP_SECONDS: seconds }),
    ) as [Program, Program];
    expect(await waitForExit(oneSecond)).toBe(1);
    expect(oneSecond.output()).toMatch(
      /^The database of DATABASE_URL at 127\.0\.0\.1:\d+ did not answer within DATABASE_STARTUP_SECONDS \(1\): connect ECONNREFUSED 127\.0\.0\.1:\d+\. Check that it runs/m,
    );
    await vi.waitFor(() => expect(startLines(waiting)).not.toEqual([]), 20_000);
    waiting.process.kill('SIGTERM');
    expect(await waitForExit(waiting)).toBe(0);
    expect(oneSecond.output() + waiting.output()).not.toMatch(/hidden-passphrase|somebody/);
  });

  it('is waited for by db:migrate, and by no other command (FLT-26)', async () => {
    const url = await emptyDatabase();
    const port = await freePort();
    const env = { ...process.env, DATABASE_URL: viaRelay(url, port), MASTER_SECRET };
    const scripts = [
      'dist/cli/gatehouse.js users list',
      'dist/cli/gatehouse.js keys list',
      'dist/cli/gatehouse.js events',
      'dist/cli/gatehouse.js seed --force',
      'dist/cli/gatehouse.js reset --force',
    ];
    const migrating = spawn('node', ['dist/cli/gatehouse.js', 'migrate'], { env });
    const said = once(migrating.stderr, 'data');
    for (const script of scripts) {
      const run = promisify(execFile)('node', script.split(' '), { env }).catch(
        (error: { stderr: string }) => error.stderr,
      );
      expect(await run).toMatch(
        /^The database of DATABASE_URL at 127\.0\.0\.1:\d+ did not answer: connect ECONNREFUSED \S+\. Check that it runs/m,
      );
    }
    expect(JSON.parse(String((await said)[0]))).toMatchObject({ event: 'database_awaited', setting: 'DATABASE_URL' });
    await relay(url, port);
    expect(await once(migrating, 'exit')).toEqual([0, null]);
  });

  it(
    'because it refuses connections (57P03) is waited for by the app and db:migrate, and by no other command (FLT-26)',
    { timeout: 120_000 },
    async () => {
      const database = await DedicatedPostgres.start();
      const { url } = database;
      await database.startRefusing();
      await vi.waitFor(() => expect(query(url, 'SELECT 1')).rejects.toMatchObject({ code: '57P03' }), 20_000);
      // The text since PostgreSQL 14; while it reads its WAL it reports that it is starting up.
      const reason = 'the database system is not accepting connections';
      await vi.waitFor(() => expect(query(url, 'SELECT 1')).rejects.toThrow(reason), 20_000);
      const program = startMain({ DATABASE_URL: url, MASTER_SECRET });
      const env = { ...process.env, DATABASE_URL: url, MASTER_SECRET };
      const migrating = spawn('node', ['dist/cli/gatehouse.js', 'migrate'], { env });
      const migrated = once(migrating, 'exit');
      const [said] = (await once(migrating.stderr, 'data')) as [Buffer];
      expect(JSON.parse(said.toString())).toMatchObject({ event: 'database_awaited', reason });
      await vi.waitFor(() => expect(startLines(program)).not.toEqual([]), 20_000);
      expect(startLines(program)[0]).toMatchObject({
        level: 40,
        event: 'database_awaited',
        setting: 'DATABASE_URL',
        reason,
      });
      const listed = promisify(execFile)('node', ['dist/cli/gatehouse.js', 'users', 'list'], { env });
      await expect(listed).rejects.toMatchObject({
        stderr: expect.stringMatching(
          /^The database of DATABASE_URL at \S+ did not answer: the database system is not .*\.\n$/,
        ),
      });
      await database.startAccepting();
      await waitForUrl(program);
      expect(await migrated).toEqual([0, null]);
    },
  );

  it('because it has no free connection (53300) is waited for (FLT-26)', async () => {
    const url = await createDatabase();
    const name = new URL(url).pathname.slice(1);
    await query(url, `ALTER DATABASE ${name} CONNECTION LIMIT 0`);
    const waitOptions = collectingWaitOptions(60);
    const trying = connectWithRetry(url, waitOptions);
    await vi.waitFor(() => expect(waitOptions.reports).toHaveLength(1), 20_000);
    expect(waitOptions.reports[0]?.['reason']).toContain('too many connections');
    await query(inject('databaseServerUrl'), `ALTER DATABASE ${name} CONNECTION LIMIT -1`);
    expect(await trying).toBe('done');
  });

  it('because it fails during the work has the work repeated (FLT-26)', async () => {
    const url = await createDatabase();
    const nowhere = `postgresql://u@127.0.0.1:${await freePort()}/gatehouse`;
    let turn = 0;
    const work = async (): Promise<number> => {
      await query(++turn === 1 ? nowhere : url, 'SELECT 1');
      return turn;
    };
    expect(await retryUntilDatabaseAnswers(testConfig(url), collectingWaitOptions(60), work)).toBe(2);
  });

  it.each([
    ['lacks a file', Object.assign(new Error('no such file'), { code: 'ENOENT' })],
    [
      'uses an unknown host name',
      Object.assign(new Error('getaddrinfo ENOTFOUND api.invalid'), { code: 'ENOTFOUND', syscall: 'getaddrinfo' }),
    ],
  ])('is not blamed if the work itself %s', async (_case, error) => {
    const waitOptions = collectingWaitOptions(60);
    const config = testConfig(await createDatabase());
    await expect(retryUntilDatabaseAnswers(config, waitOptions, () => Promise.reject(error))).rejects.toBe(error);
    expect(waitOptions.reports).toEqual([]);
  });

  it.each([
    ['an unknown host name', () => 'nobody.invalid:5432', /ENOTFOUND|EAI_AGAIN/],
    ['a missing socket', () => '%2Fnot%2Fthere:5432', /ENOENT/],
    ['a server that does not respond', silentServer, /timeout expired/],
    ['a server that closes the connection', hangingServer, /Connection terminated|ECONNRESET/],
    ['localhost without a server', async () => `localhost:${await freePort()}`, /ECONNREFUSED (127\.0\.0\.1|::1):\d+/],
  ])('is waited for: %s (FLT-26)', async (_, host, reason) => {
    const waitOptions = collectingWaitOptions(2);
    const url = `postgresql://u:hidden@${await host()}/gatehouse`;
    const refused = await connectWithRetry(url, waitOptions, host === silentServer ? 200 : undefined).catch(String);
    expect(refused).toMatch(
      /^Error: The database of DATABASE_URL at \S+ did not answer within DATABASE_STARTUP_SECONDS \(2\): /,
    );
    expect(refused).toMatch(reason);
    expect(refused).not.toContain('hidden');
    expect(waitOptions.reports).toHaveLength(1);
  });

  it.each([
    [
      'a wrong password',
      (url: string) => changed(url, (copy) => (copy.password = 'wrong')),
      /refuses the login: password authentication/,
    ],
    [
      'a missing database',
      (url: string) => changed(url, (copy) => (copy.pathname = '/nobody_made_it')),
      /does not exist: database "nobody_made_it"/,
    ],
    [
      'missing TLS support',
      (url: string) => changed(url, (copy) => copy.searchParams.set('sslmode', 'require')),
      /The TLS connection .* does not support SSL/,
    ],
  ])('because of %s is not waited for (FLT-26)', async (_, change, sentence) => {
    const waitOptions = collectingWaitOptions(60);
    const database = await createDatabase();
    const url = viaRelay(database, await relay(database));
    await expect(connectWithRetry(change(url), waitOptions)).rejects.toThrow(sentence);
    expect(waitOptions.reports).toEqual([]);
  });

  it('is named by its setting, also by DATABASE_DIRECT_URL (FLT-26)', async () => {
    const databaseDirectUrl = `postgresql://u:hidden@127.0.0.1:${await freePort()}/gatehouse`;
    const config = testConfig(await createDatabase(), { databaseDirectUrl });
    const trying = retryUntilDatabaseAnswers(config, collectingWaitOptions(0), async () => 'done');
    await expect(trying).rejects.toThrow(
      /^The database of DATABASE_DIRECT_URL at 127\.0\.0\.1:\d+ did not answer: connect ECONNREFUSED/,
    );
  });

  it('does not delay a signal, even if the server does not respond (FLT-26)', async () => {
    const stopping = new AbortController();
    const config = testConfig(`postgresql://u:hidden@${await silentServer()}/gatehouse`, {
      databaseConnectionTimeoutMs: 60_000,
    });
    const trying = retryUntilDatabaseAnswers(config, collectingWaitOptions(60, stopping.signal), async () => 'done');
    setImmediate(() => stopping.abort());
    await expect(trying).rejects.toMatchObject({ name: 'AbortError' });
  });
});
