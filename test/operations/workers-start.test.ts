import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { availableParallelism } from 'node:os';
import { describe, expect, inject, it, onTestFinished } from 'vitest';
import { createDatabase, query } from '../support/app.js';
import { Client } from '../support/client.js';
import { processes } from '../support/process-list.js';
import { waitForUrl, type Environment } from '../support/processes.js';
import { linesOf, serveByWorkers, startWorkers, workersOf } from '../support/workers.js';

/** What a start writes to stderr that fails. */
async function failureOf(changes: Environment): Promise<string> {
  const node = await startWorkers(changes);
  expect(await node.exit).toBe(1);
  return node.stderr();
}

describe('a node of two workers that cannot start', () => {
  it.each(['0', '-1', 'abc'])('because WORKERS is %s says so once', async (WORKERS) => {
    const problem = 'WORKERS is neither auto nor a whole number from 1 to 64';
    expect(await failureOf({ DATABASE_URL: 'postgresql://127.0.0.1/x', WORKERS })).toBe(
      `The settings are not usable:\n  ${problem}\n`,
    );
  });

  it('says why once, in the words of a single process', async () => {
    const DATABASE_URL = await createDatabase();
    const { url } = await serveByWorkers({ DATABASE_URL, WORKERS: '1' });
    const others: readonly [Environment, RegExp][] = [
      [{ DATABASE_URL, PORT: new URL(url).port }, /^listen EADDRINUSE.*\n$/],
      [{ DATABASE_URL, METRICS_PORT: await occupiedPort() }, /^listen EADDRINUSE.*\n$/],
      [{ DATABASE_URL, MASTER_SECRET: 'pT8xW2nB6vC9zL4kJ7hG5fD3sA1qE0rY' }, /^.*MASTER_SECRET.*\n$/],
      [{ DATABASE_URL: await withoutPrivileges(DATABASE_URL) }, /lacks a privilege: .*_prisma_migrations/],
    ];
    for (const [changes, expected] of others) {
      const [several, single] = await Promise.all([failureOf(changes), failureOf({ ...changes, WORKERS: '1' })]);
      expect(several).toMatch(expected);
      expect(several).toBe(single);
    }
  });
});

async function occupiedPort(): Promise<string> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  return String((server.address() as AddressInfo).port);
}

/** The database as a role without privileges sees it. */
async function withoutPrivileges(databaseUrl: string): Promise<string> {
  const role = `bare_${randomUUID().replaceAll('-', '')}`;
  await query(inject('administratorUrl'), `CREATE ROLE ${role} LOGIN PASSWORD 'x'`);
  onTestFinished(() => query(inject('administratorUrl'), `DROP ROLE ${role}`).then(() => undefined));
  const url = new URL(databaseUrl);
  [url.username, url.password] = [role, 'x'];
  return url.href;
}

const CORES = availableParallelism();
const childrenOf = (pid: number): number => processes().filter(({ ppid }) => ppid === pid).length;

describe('WORKERS', () => {
  it.runIf(CORES > 1)(
    'auto is one process per core, with the warnings of the start once and a line for each that listens',
    async () => {
      const { node } = await serveByWorkers({ WORKERS: 'auto', HASH_CONCURRENCY: '1024' });
      const pidsOf = (text: string): number[] =>
        linesOf(node, text).map((line) => (JSON.parse(line) as { pid: number }).pid);
      expect(new Set(pidsOf('Server listening'))).toEqual(new Set(workersOf(node.pid)));
      expect(workersOf(node.pid)).toHaveLength(CORES);
      expect(pidsOf('setting_adjusted')).toEqual([node.pid]);
    },
  );

  it('1, or auto on one core, is a single process', async () => {
    const { node } = await serveByWorkers({ WORKERS: '1' });
    expect(childrenOf(node.pid)).toBe(0);
    expect(linesOf(node, 'Server listening')[0]).toContain(`"pid":${node.pid},`);
    if (process.platform !== 'linux') return;
    const onOneCore = await startWorkers({ WORKERS: 'auto' }, ['taskset', '-c', '0', process.execPath]);
    await waitForUrl(onOneCore);
    expect(childrenOf(onOneCore.pid)).toBe(0);
  });

  it('2 opens twice the database connections of one process', async () => {
    const DATABASE_URL = await createDatabase();
    const { url } = await serveByWorkers({ DATABASE_URL, DATABASE_POOL_SIZE: '2' });
    const { token } = await new Client(url).signIn();
    const connections = async (): Promise<Record<string, number>> => {
      const rows = await query(
        DATABASE_URL,
        `SELECT application_name AS name, count(*)::int AS count FROM pg_stat_activity
          WHERE datname = current_database() AND pid <> pg_backend_pid() GROUP BY 1`,
      );
      return Object.fromEntries(rows.map(({ name, count }) => [String(name), Number(count)]));
    };
    const afterRequests = async (): Promise<Record<string, number>> => {
      const requests = Array.from({ length: 100 }, () =>
        new Client(url).call('GET', '/v1/auth/sessions', { token, headers: { connection: 'close' } }),
      );
      await Promise.all(requests);
      return connections();
    };
    const expected = { gatehouse: 4, 'gatehouse listen': 2, 'gatehouse feed': 2 };
    await expect.poll(afterRequests, { timeout: 30_000 }).toEqual(expected);
    expect(await afterRequests()).toEqual(expected);
  });
});
