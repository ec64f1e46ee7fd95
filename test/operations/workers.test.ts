import cluster from 'node:cluster';
import { once } from 'node:events';
import { Agent, request } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, it, onTestFinished } from 'vitest';
import { QUIET_PERIOD_MS } from '../../src/health/graceful-shutdown.js';
import { createDatabase, query } from '../support/app.js';
import { Client } from '../support/client.js';
import { RequestLoad } from '../support/request-load.js';
import {
  connectWhileStopped,
  CONNECTIONS,
  linesOf,
  post,
  serveByWorkers as serve,
  workersOf,
  type WorkersNode as Node,
} from '../support/workers.js';

/** The status of a request on a new connection; 0 when it was accepted and lost. */
function statusOf(url: string, token = ''): Promise<number | 'refused'> {
  return send('GET', `${url}/v1/auth/me`, token, false);
}

function send(method: string, url: string, token: string, agent: Agent | false): Promise<number | 'refused'> {
  return new Promise((resolve) => {
    request(url, { method, agent, headers: { authorization: `Bearer ${token}` } }, (response) => {
      response.resume().on('end', () => resolve(response.statusCode ?? 0));
      response.on('error', () => resolve(0));
    })
      .on('error', (error: NodeJS.ErrnoException) => resolve(error.code === 'ECONNREFUSED' ? 'refused' : 0))
      .end();
  });
}

async function login(url: string): Promise<{ token: string }> {
  const client = new Client(url);
  await client.register('worker@example.com');
  const { body } = await client.login('worker@example.com');
  return { token: String(body['access_token']) };
}

/** Requests until both workers have answered; their statuses. */
async function statusesOfBoth(node: Node, url: string, token: string): Promise<(number | 'refused')[]> {
  const from = node.output().length;
  const statuses: (number | 'refused')[] = [];
  await expect
    .poll(
      async () => {
        statuses.push(...(await Promise.all(Array.from({ length: 40 }, () => statusOf(url, token)))));
        const lines = node.output().slice(from).split('\n');
        return new Set(lines.filter((line) => line.includes('/v1/auth/me')).map((line) => /"pid":\d+/.exec(line)?.[0]))
          .size;
      },
      { timeout: 15_000 },
    )
    .toBeGreaterThanOrEqual(2);
  return statuses;
}

describe('a node of two workers', () => {
  it('refuses an access token at once by the process that answered the logout, by the other within a second (FLT-16)', async () => {
    const { node, url } = await serve();
    const { token } = await login(url);
    expect(new Set(await statusesOfBoth(node, url, token))).toEqual(new Set([200]));
    const connection = new Agent({ keepAlive: true, maxSockets: 1 });
    onTestFinished(() => connection.destroy());
    expect(await send('POST', `${url}/v1/auth/logout`, token, connection)).toBe(204);
    expect(await send('GET', `${url}/v1/auth/me`, token, connection)).toBe(401);
    const bound = performance.now() + 1000;
    let startedAt: number;
    let statuses: (number | 'refused')[];
    do {
      startedAt = performance.now();
      statuses = await statusesOfBoth(node, url, token);
    } while (statuses.includes(200) && startedAt < bound);
    expect(new Set(statuses)).toEqual(new Set([401]));
  });

  it.each(['to the primary', 'to every process'])(
    'answers every accepted request under load after SIGTERM %s, and exits with 0 (FLT-04, FLT-25)',
    async (target) => {
      const { node, url } = await serve();
      const { token } = await login(url);
      const statuses = new Map<number | 'refused', number>();
      const stop = new AbortController();
      const load = Array.from({ length: 8 }, async () => {
        while (!stop.signal.aborted) {
          const status = await statusOf(url, token);
          statuses.set(status, (statuses.get(status) ?? 0) + 1);
          if (status === 'refused') return;
        }
      });
      await expect.poll(() => statuses.get(200)).toBeGreaterThan(100);
      process.kill(target === 'to the primary' ? node.pid : -node.pid, 'SIGTERM');
      // Clients and proxies notice that the node is leaving. As long as they send, no worker may close the listener.
      await pause(2 * QUIET_PERIOD_MS);
      stop.abort();
      await Promise.all(load);
      expect([...statuses.keys()]).toEqual([200]);
      expect(await node.exit).toBe(0);
      expect(workersOf(node.pid)).toEqual([]);
    },
  );

  it('replaces a worker that was killed, and serves meanwhile', async () => {
    const { node, url } = await serve();
    const [first = 0] = workersOf(node.pid);
    process.kill(first, 'SIGKILL');
    await expect.poll(() => workersOf(node.pid).includes(first)).toBe(false);
    expect(await statusOf(url)).toBe(401);
    await expect.poll(() => linesOf(node, 'Server listening').length, { timeout: 20_000 }).toBe(3);
    expect(workersOf(node.pid)).toHaveLength(2);
    expect(linesOf(node, 'worker_replaced')).toHaveLength(1);
  });

  it('loses only the requests that are on a worker that is killed, and none by other signals to a worker (FLT-25)', async () => {
    const { node, url } = await serve();
    const [killed = 0, other = 0] = workersOf(node.pid);
    const agents = [await connectWhileStopped(url, [other]), await connectWhileStopped(url, [killed])];
    const outcomes = agents.map((): Record<string, number> => ({}));
    const stop = new AbortController();
    const load = agents.flatMap((agent, index) =>
      Array.from({ length: CONNECTIONS }, async () => {
        const counts = outcomes[index] ?? {};
        while (!stop.signal.aborted) {
          const outcome = await post(url, agent, 'v1/auth/logout', {}).catch(({ code }: { code: string }) => code);
          counts[outcome] = (counts[outcome] ?? 0) + 1;
        }
      }),
    );
    for (const worker of [killed, other])
      for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.kill(worker, signal);
    await pause(1000);
    expect(workersOf(node.pid)).toEqual([killed, other]);
    expect(outcomes.map((counts) => Object.keys(counts))).toEqual([['400'], ['400']]);
    process.kill(killed, 'SIGKILL');
    await expect.poll(() => linesOf(node, 'Server listening').length, { timeout: 20_000 }).toBe(3);
    const before = outcomes[0]?.['400'] ?? 0;
    await expect.poll(() => outcomes[0]?.['400'] ?? 0).toBeGreaterThan(before + CONNECTIONS);
    stop.abort();
    await Promise.all(load);
    const [doomed = {}, safe = {}] = outcomes;
    expect(Object.keys(safe)).toEqual(['400']);
    const { 400: answered = 0, ...lost } = doomed;
    const losses = Object.values(lost).reduce((sum, count) => sum + count, 0);
    expect(losses).toBeGreaterThan(0);
    expect(losses).toBeLessThanOrEqual(CONNECTIONS);
    expect(answered).toBeGreaterThan(CONNECTIONS);
  });

  it('ends with 1 and names the cause after five failed starts of workers within a minute', async () => {
    const DATABASE_URL = await createDatabase();
    const { node, url } = await serve({ DATABASE_URL, SHUTDOWN_TIMEOUT_SECONDS: '5' });
    const { token } = await login(url);
    await query(DATABASE_URL, 'DELETE FROM _prisma_migrations');
    process.kill(workersOf(node.pid)[0] ?? 0, 'SIGKILL');
    await expect.poll(() => linesOf(node, 'worker_replaced')).toHaveLength(1);
    const load = new RequestLoad(`${url}/v1/auth/me`, token, { keepAlive: 4, fresh: 4 });
    expect(await node.exit).toBe(1);
    expect(node.stderr()).toMatch(/^5 starts of workers failed within a minute\. The last: .*migrat/);
    expect(workersOf(node.pid)).toEqual([]);
    const { statuses, ...failures } = await load.outcome();
    expect(failures).toEqual({ lost: [], closedWhileIdle: [] });
    expect(Object.keys(statuses)).toEqual(['200']);
  });

  it('leaves no process when the primary is killed (FLT-25)', async () => {
    const { node } = await serve();
    process.kill(node.pid, 'SIGKILL');
    await expect.poll(() => workersOf(node.pid), { timeout: 15_000 }).toEqual([]);
  });
});

describe('the program of a worker', () => {
  it('answers its primary, and ignores what is none of its messages', async () => {
    cluster.setupPrimary({ exec: 'dist/cli/worker.js', args: [] });
    const worker = cluster.fork();
    onTestFinished(() => void worker.process.kill('SIGKILL'));
    const received: unknown[] = [];
    worker.on('message', (message: unknown) => received.push(message));
    for (const message of [null, 'configure', 7, { kind: 'other' }]) worker.send(message as object);
    worker.send({ kind: 'ping' });
    await expect.poll(() => received).toEqual([{ kind: 'ready' }, { kind: 'pong' }]);
    worker.send({ kind: 'ping' });
    await expect.poll(() => received).toHaveLength(3);
    const exit = once(worker, 'exit');
    worker.process.kill('SIGKILL');
    expect(await exit).toEqual([null, 'SIGKILL']);
  });
});
