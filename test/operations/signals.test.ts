import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, inject, it, onTestFinished } from 'vitest';
import { createDatabase, emptyDatabase, query } from '../support/app.js';
import { Client } from '../support/client.js';
import { databaseProcessesOf, processes, type RunningProcess } from '../support/process-list.js';
import { freePort, waitForUrl, MASTER_SECRET, type Environment, type Program } from '../support/processes.js';

const REPEATS_MS = 2000;

interface Group extends Program {
  /** Of the group leader. */
  readonly exitCode: Promise<number | null>;
  /** Signals the whole group, as a terminal and many service managers do. */
  signal(name: NodeJS.Signals): void;
}

/** Starts a command in its own process group. */
function start(environment: Environment, command: string, ...args: string[]): Group {
  const { DATABASE_URL: _, ...inherited } = process.env;
  const child: ChildProcess = spawn(command, args, {
    env: { ...inherited, PORT: '0', RATE_LIMITS: 'off', ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (chunk: string) => (output += chunk));
  }
  // Resolves once all output has arrived.
  const exitCode = once(child, 'close').then(([code]) => code as number | null);
  const signal = (name: NodeJS.Signals): void => void process.kill(-(child.pid ?? 0), name);
  onTestFinished(() => {
    if (groupOf(child).length > 0) signal('SIGKILL');
  });
  return { process: child, output: () => output, exitCode, signal };
}

const groupOf = ({ pid }: ChildProcess): RunningProcess[] => processes().filter(({ group }) => group === pid);
const isDatabaseUp = (): boolean => existsSync(join(folder, 'postgres/postmaster.pid'));

async function expectNothingLeft(group: Group, folder: string): Promise<void> {
  await expect.poll(() => [...groupOf(group.process), ...databaseProcessesOf(folder)], { timeout: 15_000 }).toEqual([]);
  expect(existsSync(join(folder, 'postgres/postmaster.pid'))).toBe(false);
}

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'gatehouse-signals-'));
  chmodSync(folder, 0o711);
  return folder;
}

interface LogLine {
  readonly level: number;
  readonly msg: string;
  readonly signal?: string;
  readonly seconds?: number;
}

const linesOf = ({ output }: Program): LogLine[] =>
  output()
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as LogLine);

let folder: string;
beforeAll(() => {
  folder = newFolder();
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Starts `npm start` with eight registrations whose hashes are in progress. */
async function startBusy(): Promise<{ app: Group; answers: Promise<{ status: number; headers: Headers }[]> }> {
  const metricsPort = String(await freePort());
  const slow = { ARGON2_PASSES: '60', HASH_QUEUE_MILLISECONDS: '60000' };
  const app = start({ DATA_DIR: folder, METRICS_PORT: metricsPort, ...slow }, 'npm', 'start', '--silent');
  const client = new Client(await waitForUrl(app));
  const turn = Math.random();
  let answered = 0;
  const answers = Promise.all(
    Array.from({ length: 8 }, async (_, index) => {
      const answer = await client.register(`user-${turn}-${index}@example.com`);
      answered++;
      return answer;
    }),
  );
  const accepted = async (): Promise<number> => {
    const text = await (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text();
    const counts = text.matchAll(/^gatehouse_hashes_(?:running|waiting) (\d+)$/gm);
    return [...counts].reduce((sum, [, count]) => sum + Number(count), answered);
  };
  await expect.poll(accepted, { interval: 5 }).toBe(8);
  expect(answered).toBeLessThan(6);
  return { app, answers };
}

describe.runIf(process.platform === 'linux')('npm start with registrations in progress', { timeout: 60_000 }, () => {
  it.each(['SIGTERM', 'SIGINT'] as const)(
    'answers all of them after %s to its group, and leaves no process or lock file (FLT-25)',
    async (name) => {
      const { app, answers } = await startBusy();
      app.signal(name);
      expect((await answers).map(({ status }) => status)).toEqual(Array(8).fill(201));
      expect(await app.exitCode).toBe(0);
      await expectNothingLeft(app, folder);
    },
  );

  it('answers all of them after SIGHUP to its group, which ends npm itself (FLT-25)', async () => {
    const { app, answers } = await startBusy();
    app.signal('SIGHUP');
    expect((await answers).map(({ status }) => status)).toEqual(Array(8).fill(201));
    await expectNothingLeft(app, folder);
    expect(linesOf(app).at(-1)).toMatchObject({ msg: 'left', signal: 'SIGHUP' });
  });

  it('answers all of them after repeated SIGTERM to npm alone (FLT-25)', async () => {
    const { app, answers } = await startBusy();
    for (let turn = 0; turn < 5; turn++) app.process.kill('SIGTERM');
    expect((await answers).map(({ status }) => status)).toEqual(Array(8).fill(201));
    expect(await app.exitCode).toBe(0);
    await expectNothingLeft(app, folder);
  });

  it('answers all of them with 201 or 503 after SIGTERM to every process, including those of the database (FLT-25)', async () => {
    const { app, answers } = await startBusy();
    const all = processes();
    const servers = all.filter(({ command }) => command.includes(folder));
    const signalled = all.filter(
      ({ pid, group, ppid }) =>
        group === app.process.pid || servers.some((server) => server.pid === pid || server.pid === ppid),
    );
    expect(signalled.length).toBeGreaterThan(servers.length + 5);
    for (const { pid } of signalled) process.kill(pid, 'SIGTERM');
    for (const { status, headers } of await answers) {
      expect(status).toBeOneOf([201, 503]);
      if (status === 503) expect(Number(headers.get('retry-after'))).toBeGreaterThan(0);
    }
    expect(await app.exitCode).toBe(0);
    await expectNothingLeft(app, folder);
  });
});

describe('a node after SIGTERM', () => {
  it('ignores further signals, except a later SIGINT, which closes open connections (FLT-25)', async () => {
    const environment = { DATABASE_URL: await createDatabase(), MASTER_SECRET, LOG_LEVEL: 'info' };
    const node = start(environment, process.execPath, 'dist/main.js');
    const { hostname, port } = new URL(await waitForUrl(node));
    const socket = connect(Number(port), hostname).on('error', () => undefined);
    let isOpen = true;
    socket.on('close', () => (isOpen = false));
    const head = 'POST /v1/auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n';
    socket.write(`${head}Expect: 100-continue\r\n\r\n`);
    await once(socket, 'data');
    node.signal('SIGTERM');
    node.signal('SIGINT');
    await expect.poll(() => linesOf(node).at(-1)?.msg).toBe('leaving');
    const startedAt = performance.now();
    // A signal repeated within this time counts as the same one.
    await pause(REPEATS_MS + 50);
    for (const name of ['SIGTERM', 'SIGHUP', 'SIGTERM'] as const) node.signal(name);
    await pause(300);
    expect([isOpen, node.process.exitCode]).toEqual([true, null]);
    node.signal('SIGINT');
    expect(await node.exitCode).toBe(0);
    expect(isOpen).toBe(false);
    expect(performance.now() - startedAt).toBeLessThan(20_000);
    expect(linesOf(node).at(-1)).toMatchObject({ msg: 'left' });
  });

  it('logs the start and the end of its shutdown, and no warning (FLT-25)', async () => {
    const environment = { DATABASE_URL: await createDatabase(), MASTER_SECRET, LOG_LEVEL: 'info' };
    const node = start({ ...environment, METRICS_PORT: String(await freePort()) }, process.execPath, 'dist/main.js');
    const client = new Client(await waitForUrl(node));
    const { token } = await client.signIn();
    node.signal('SIGTERM');
    await expect.poll(async () => (await client.call('GET', '/health/ready')).status).toBe(503);
    for (let turn = 0; turn < 3; turn++) await client.call('GET', '/health/ready');
    expect((await client.me(token)).status).toBe(200);
    expect(await node.exitCode).toBe(0);
    const lines = linesOf(node);
    expect(lines.filter(({ level }) => level > 30)).toEqual([]);
    const shutdownLines = lines.filter(({ msg }) => msg === 'leaving' || msg === 'left');
    expect(shutdownLines).toMatchObject([
      { level: 30, msg: 'leaving', signal: 'SIGTERM' },
      { level: 30, msg: 'left', signal: 'SIGTERM', seconds: expect.any(Number) },
    ]);
    expect(shutdownLines[1]?.seconds).toBeLessThan(10);
    expect(node.output()).not.toMatch(/^[^{]/m);
  });
});

async function expectExitInTime(app: Group): Promise<void> {
  const startedAt = performance.now();
  app.signal('SIGTERM');
  await app.exitCode;
  expect(performance.now() - startedAt).toBeLessThan(10_000);
}

describe.runIf(process.platform === 'linux')(
  'shutdown within SHUTDOWN_TIMEOUT_SECONDS and 5 s',
  { timeout: 60_000 },
  () => {
    const environment = { SHUTDOWN_TIMEOUT_SECONDS: '5', LOG_LEVEL: 'info' };

    it('is kept when the embedded database does not stop (FLT-25)', async () => {
      const app = start({ ...environment, DATA_DIR: folder }, process.execPath, 'dist/main.js');
      await waitForUrl(app);
      for (const { pid } of databaseProcessesOf(folder)) process.kill(pid, 'SIGSTOP');
      await expectExitInTime(app);
      await expect.poll(() => databaseProcessesOf(folder)).toEqual([]);
      rmSync(join(folder, 'postgres/postmaster.pid'), { force: true });
    });

    it('is kept by a start that waits for another process to migrate (FLT-25)', async () => {
      const url = await emptyDatabase();
      const other = new pg.Client({ connectionString: url });
      await other.connect();
      onTestFinished(() => other.end());
      await other.query('SELECT pg_advisory_lock(4701001)');
      const external = { DATABASE_URL: url, MASTER_SECRET, MIGRATE_ON_START: 'true' };
      const app = start({ ...environment, ...external }, process.execPath, 'dist/main.js');
      const waits = 'SELECT 1 FROM pg_locks WHERE locktype = $$advisory$$ AND NOT granted';
      const isTried = async (): Promise<number> =>
        (await query(url, waits)).length + (app.output().includes('migration_awaited') ? 1 : 0);
      await expect.poll(isTried, { timeout: 20_000 }).toBeGreaterThan(0);
      await expectExitInTime(app);
      expect(await app.exitCode).toBe(0);
      expect(groupOf(app.process)).toEqual([]);
    });
  },
);

describe.runIf(process.platform === 'linux')('a start that receives a signal', { timeout: 60_000 }, () => {
  it('while it creates the database leaves neither a server nor a partial data directory (FLT-25)', async () => {
    const fresh = newFolder();
    onTestFinished(() => rmSync(fresh, { recursive: true, force: true }));
    const app = start({ DATA_DIR: fresh, LOG_LEVEL: 'info' }, 'npm', 'start', '--silent');
    await expect.poll(() => databaseProcessesOf(fresh).length, { timeout: 20_000, interval: 5 }).toBeGreaterThan(0);
    app.signal('SIGINT');
    expect(await app.exitCode).toBe(0);
    await expectNothingLeft(app, fresh);
    expect(readdirSync(fresh).filter((name) => name.startsWith('postgres'))).toEqual([]);
    expect(linesOf(app).map(({ msg }) => msg)).toEqual(['leaving', 'left']);
  });

  it('while it migrates finishes the migration first, although its whole group got the signal (FLT-25)', async () => {
    const url = await emptyDatabase();
    const administrator = new URL(inject('administratorUrl'));
    administrator.pathname = new URL(url).pathname;
    await query(
      administrator.href,
      `CREATE FUNCTION delay_ddl() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(0.1); END';
       CREATE EVENT TRIGGER delay_ddl ON ddl_command_start EXECUTE FUNCTION delay_ddl()`,
    );
    const external = { DATABASE_URL: url, MASTER_SECRET, MIGRATE_ON_START: 'true' };
    const app = start(external, 'npm', 'start', '--silent');
    const begun = async (): Promise<number> =>
      (await query(url, 'SELECT 1 FROM _prisma_migrations').catch(() => [])).length;
    await expect.poll(begun, { timeout: 20_000, interval: 5 }).toBeGreaterThan(0);
    app.signal('SIGINT');
    expect(await app.exitCode).toBe(0);
    expect(groupOf(app.process)).toEqual([]);
    expect(await query(url, 'SELECT migration_name FROM _prisma_migrations WHERE finished_at IS NULL')).toEqual([]);
    const made = readdirSync('prisma/migrations', { withFileTypes: true }).filter((entry) => entry.isDirectory());
    expect(await query(url, 'SELECT 1 FROM _prisma_migrations')).toHaveLength(made.length);
  });
});

describe.runIf(process.platform === 'linux')('a command that is ended', { timeout: 60_000 }, () => {
  it.each([
    ['the seed', 'SIGINT', 130, ['node', 'dist/cli/gatehouse.js', 'seed', '--users', '3000000']],
    ['the seed', 'SIGTERM', 143, ['node', 'dist/cli/gatehouse.js', 'seed', '--users', '3000000']],
    ['the seed of npx prisma db seed', 'SIGINT', 130, ['node', 'prisma/seed.ts', '--users', '3000000']],
    ['the list of users', 'SIGHUP', 129, ['node', 'dist/cli/gatehouse.js', 'users', 'list']],
    ['the Prisma CLI', 'SIGINT', undefined, ['npx', 'prisma', 'migrate', 'status']],
    ['npm run dev', 'SIGINT', undefined, ['npm', 'run', '--silent', 'dev']],
    ['npm run dev', 'SIGTERM', undefined, ['npm', 'run', '--silent', 'dev']],
    ['npm run dev', 'SIGHUP', undefined, ['npm', 'run', '--silent', 'dev']],
  ] as const)(
    'leaves no database server running: %s, by %s (FLT-25)',
    async (what, name, exitCode, [command, ...args]) => {
      const group = start({ DATA_DIR: folder }, command, ...args);
      await (what === 'npm run dev'
        ? waitForUrl(group)
        : expect.poll(isDatabaseUp, { timeout: 20_000, interval: 5 }).toBe(true));
      group.signal(name);
      const code = await group.exitCode;
      if (exitCode !== undefined) expect(code).toBe(exitCode);
      await expectNothingLeft(group, folder);
    },
  );

  it('by a closed output pipe leaves no database server running (FLT-25)', async () => {
    const group = start({ DATA_DIR: folder }, 'sh', '-c', 'node dist/cli/gatehouse.js users list | head -n 1');
    await expect.poll(isDatabaseUp, { timeout: 20_000, interval: 5 }).toBe(true);
    expect(await group.exitCode).toBe(0);
    await expectNothingLeft(group, folder);
  });
});
