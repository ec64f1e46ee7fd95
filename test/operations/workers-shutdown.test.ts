import { exec as execWithCallback } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { createDatabase } from '../support/app.js';
import { Client, PASSWORD } from '../support/client.js';
import { databaseProcessesOf } from '../support/process-list.js';
import { freePort, type Environment } from '../support/processes.js';
import { RequestLoad } from '../support/request-load.js';
import { connectWhileStopped, linesOf, post, serveByWorkers, startWorkers, workersOf } from '../support/workers.js';

const exec = promisify(execWithCallback);
const CORES = availableParallelism();

describe.runIf(process.platform === 'linux')('a node of two workers with the embedded database', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'gatehouse-workers-'));
    chmodSync(folder, 0o711);
  });
  afterAll(() => {
    for (const { pid } of databaseProcessesOf(folder)) process.kill(pid, 'SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  });
  const lockFile = (): string => join(folder, 'postgres/postmaster.pid');
  const serverPid = (): number => Number(/^\d+/.exec(readFileSync(lockFile(), 'utf8'))?.[0]);

  function expectNothingLeft(primary: number): void {
    expect(workersOf(primary)).toEqual([]);
    expect(databaseProcessesOf(folder)).toEqual([]);
    expect(existsSync(lockFile())).toBe(false);
  }

  it.runIf(CORES > 1)('starts and shows its workers by the commands of docs/operations.md', async () => {
    const [, section = ''] = readFileSync('docs/operations.md', 'utf8').split('\n## All cores\n');
    const [start = '', show = ''] = [...section.matchAll(/```sh\n(.+)\n```/g)].map(([, command]) => command ?? '');
    const METRICS_PORT = String(await freePort());
    const withPort = (command: string): string => command.replace('9464', METRICS_PORT);
    const node = await startWorkers({ DATA_DIR: folder }, ['bash', '-c', withPort(start)]);
    const shown = (): Promise<string> => exec(withPort(show)).then(({ stdout }) => stdout, String);
    await expect.poll(shown, { timeout: 30_000 }).toBe(`gatehouse_workers ${CORES}\ngatehouse_workers_silent 0\n`);
    process.kill(-node.pid, 'SIGTERM');
    await node.exit;
    expectNothingLeft(node.pid);
  });

  it('loses no request of clients that send to its very end after SIGTERM, and stops the database last (FLT-04, FLT-25)', async () => {
    const { node, url } = await serveByWorkers({ DATA_DIR: folder, SHUTDOWN_TIMEOUT_SECONDS: '5' });
    const { token } = await new Client(url).signIn();
    const load = new RequestLoad(`${url}/v1/auth/sessions`, token, { keepAlive: 16, fresh: 4 });
    await expect.poll(() => load.answered).toBeGreaterThan(500);
    process.kill(node.pid, 'SIGTERM');
    const { statuses, ...failures } = await load.outcome();
    expect(failures).toEqual({ lost: [], closedWhileIdle: [] });
    expect(Object.keys(statuses)).toEqual(['200']);
    expect(await node.exit).toBe(0);
    // Each request that a worker has read was answered to a client.
    expect(linesOf(node, '"/v1/auth/sessions"')).toHaveLength(load.answered);
    expectNothingLeft(node.pid);
  });

  it('answers what it has accepted when its primary is killed, and leaves port and database to the next (FLT-25, FLT-27)', async () => {
    const slow = { ARGON2_PASSES: '60', HASH_QUEUE_MILLISECONDS: '60000' };
    const settings = { DATA_DIR: folder, PORT: String(await freePort()), METRICS_PORT: String(await freePort()) };
    const { node, url } = await serveByWorkers({ ...settings, ...slow });
    const email = 'survivor@example.com';
    await new Client(url).register(email);
    const [, other = 0] = workersOf(node.pid);
    const agent = await connectWhileStopped(url, [other]);
    const logins = Array.from({ length: CORES }, () =>
      post(url, agent, 'v1/auth/login', { email, password: PASSWORD }),
    );
    const running = /^gatehouse_hashes_running (\d+)$/m;
    const metrics = async (): Promise<string> =>
      (await fetch(`http://127.0.0.1:${settings.METRICS_PORT}/metrics`)).text();
    await expect.poll(async () => running.exec(await metrics())?.[1], { interval: 5 }).toBe(String(logins.length));
    const database = serverPid();
    process.kill(node.pid, 'SIGKILL');
    const next = await serveByWorkers(settings);
    expect(await Promise.all(logins)).toEqual(logins.map(() => 200));
    await expect.poll(() => workersOf(node.pid)).toEqual([]);
    expect((await new Client(next.url).login(email)).status).toBe(200);
    expect(serverPid()).toBe(database);
    process.kill(next.node.pid, 'SIGTERM');
    expect(await next.node.exit).toBe(0);
    expectNothingLeft(next.node.pid);
  });
});

/** A node with a request that waits for a lock of another database session. */
async function serveWithHangingRequest(changes: Environment) {
  const DATABASE_URL = await createDatabase();
  const patient = { DATABASE_LOCK_TIMEOUT_MS: '600000', DATABASE_STATEMENT_TIMEOUT_MS: '600000' };
  const { node, url } = await serveByWorkers({ DATABASE_URL, ...patient, ...changes });
  const { token } = await new Client(url).signIn();
  const other = new pg.Client({ connectionString: DATABASE_URL });
  await other.connect();
  onTestFinished(() => other.end());
  await other.query('BEGIN; LOCK TABLE sessions');
  const answer = fetch(`${url}/v1/auth/sessions`, { headers: { authorization: `Bearer ${token}` } });
  const isCutOff = answer.then(
    () => false,
    () => true,
  );
  const waits = "SELECT count(*)::int AS waits FROM pg_stat_activity WHERE wait_event_type = 'Lock'";
  await expect.poll(async () => (await other.query<{ waits: number }>(waits)).rows[0]?.waits).toBeGreaterThan(0);
  return { node, isCutOff };
}

describe('a node of two workers with a request that hangs', () => {
  it('and a worker that is stopped ends in time, with the exit code of a single process (FLT-25)', async () => {
    const ends = ['1', '2'].map(async (WORKERS) => {
      const { node, isCutOff } = await serveWithHangingRequest({ WORKERS, SHUTDOWN_TIMEOUT_SECONDS: '4' });
      const startedAt = performance.now();
      process.kill(node.pid, 'SIGTERM');
      expect(await isCutOff).toBe(true);
      for (const worker of workersOf(node.pid)) process.kill(worker, 'SIGSTOP');
      const code = await node.exit;
      expect(performance.now() - startedAt).toBeLessThan(9500);
      expect(workersOf(node.pid)).toEqual([]);
      return code;
    });
    const [single, several] = await Promise.all(ends);
    expect(several).toBe(single);
  });

  it('closes it by a SIGINT two seconds after the first, and leaves no process (FLT-25)', async () => {
    const { node, isCutOff } = await serveWithHangingRequest({});
    process.kill(-node.pid, 'SIGINT');
    await pause(2050);
    const startedAt = performance.now();
    process.kill(-node.pid, 'SIGINT');
    expect(await isCutOff).toBe(true);
    expect(performance.now() - startedAt).toBeLessThan(3000);
    expect(await node.exit).toBe(0);
    expect(performance.now() - startedAt).toBeLessThan(6000);
    expect(workersOf(node.pid)).toEqual([]);
  });
});
