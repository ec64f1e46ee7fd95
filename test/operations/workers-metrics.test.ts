import { readFileSync } from 'node:fs';
import { request, type Agent } from 'node:http';
import { availableParallelism } from 'node:os';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Client, PASSWORD } from '../support/client.js';
import { freePort, type Environment } from '../support/processes.js';
import { connectWhileStopped, CONNECTIONS, post, serveByWorkers, workersOf } from '../support/workers.js';

async function serveWithMetrics(changes: Environment = {}) {
  const METRICS_PORT = String(await freePort());
  const { node, url } = await serveByWorkers({ METRICS_PORT, ...changes });
  const scrape = async (): Promise<string> => (await fetch(`http://127.0.0.1:${METRICS_PORT}/metrics`)).text();
  const read = async (): Promise<Record<string, number>> =>
    Object.fromEntries(
      [...(await scrape()).matchAll(/^([a-z]\w*(?:\{.*\})?) (\S+)$/gm)].map(([, name, value]) => [name, Number(value)]),
    );
  await expect.poll(async () => (await read())['gatehouse_workers'], { timeout: 20_000 }).toBe(2);
  return { node, url, scrape, read };
}

const GUARDED = 'gatehouse_requests_total{method="GET",route="/v1/auth/me",status="401"}';

/** Requests on new connections, of which each worker gets some in the end. */
async function askGuarded(url: string, times: number): Promise<void> {
  const ask = (): Promise<void> =>
    new Promise((resolve, reject) => {
      const sent = request(`${url}/v1/auth/me`, { agent: false }, (response) => response.resume().on('end', resolve));
      sent.on('error', reject).end();
    });
  for (let turn = 0; turn < times; turn += 20) await Promise.all(Array.from({ length: 20 }, ask));
}

describe('the metrics of a node of two workers', () => {
  it('are those of the node: requests are summed, and every name is documented', async () => {
    const { node, url, scrape, read } = await serveWithMetrics();
    await askGuarded(url, 200);
    expect((await read())[GUARDED]).toBe(200);
    const text = await scrape();
    const documents = readFileSync('docs/operations.md', 'utf8');
    const names = [...text.matchAll(/^# TYPE (gatehouse_\S+)/gm)].map(([, name = '']) => name);
    expect(names.length).toBeGreaterThan(15);
    expect(names.filter((name) => !documents.includes(`\`${name}`))).toEqual([]);
    const { process_resident_memory_bytes: memory = 0, gatehouse_keys: _ } = await read();
    const resident = [node.pid, ...workersOf(node.pid)].map((pid) => residentBytes(pid));
    expect(memory / resident.reduce((sum, bytes) => sum + bytes, 0)).toBeCloseTo(1, 0);
  });

  it('do not fall when a worker is killed and replaced', async () => {
    const { node, url, read } = await serveWithMetrics();
    await askGuarded(url, 200);
    const before = await read();
    const counters = Object.keys(before).filter((name) => /^gatehouse_\w+_total|^process_cpu/.test(name));
    expect(counters.length).toBeGreaterThan(10);
    const fallen: string[] = [];
    const expectNoFall = async (): Promise<number> => {
      const now = await read();
      fallen.push(...counters.filter((name) => (now[name] ?? 0) < (before[name] ?? 0)));
      return now['gatehouse_workers'] ?? 0;
    };
    for (const worker of workersOf(node.pid)) {
      process.kill(worker, 'SIGKILL');
      await expect.poll(expectNoFall, { interval: 1 }).toBe(1);
      await expect.poll(expectNoFall, { interval: 1, timeout: 20_000 }).toBe(2);
    }
    await askGuarded(url, 20);
    expect(fallen).toEqual([]);
    expect((await read())[GUARDED]).toBe(220);
  });

  it('are answered while a worker is stopped, with what it said before', async () => {
    const { node, url, read } = await serveWithMetrics();
    await askGuarded(url, 200);
    await read();
    const [stopped = 0] = workersOf(node.pid);
    process.kill(stopped, 'SIGSTOP');
    onTestFinished(() => void process.kill(stopped, 'SIGCONT'));
    const startedAt = performance.now();
    expect(await read()).toMatchObject({ [GUARDED]: 200, gatehouse_workers: 2, gatehouse_workers_silent: 1 });
    expect(performance.now() - startedAt).toBeLessThan(4000);
    process.kill(stopped, 'SIGCONT');
    await expect.poll(async () => (await read())['gatehouse_workers_silent']).toBe(0);
  });
});

function residentBytes(pid: number): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1024;
}

const CORES = availableParallelism();
/** A hash of about a tenth of a second. */
const SLOW = { ARGON2_MEMORY_KIB: '65536', ARGON2_PASSES: '4', HASH_QUEUE_MILLISECONDS: '60000' };

describe('password hashes in a node of two workers', () => {
  it('use the whole HASH_CONCURRENCY when one worker gets every login, and never more (FLT-14, FLT-15)', async () => {
    const { node, url, read } = await serveWithMetrics(SLOW);
    const [idle = 0] = workersOf(node.pid);
    const running = await runningDuringLogins(url, read, [await connectWhileStopped(url, [idle])]);
    expect((await read())['gatehouse_hashes_limit']).toBe(CORES);
    expect(Math.max(...running)).toBe(CORES);
  });

  it('are no more than HASH_CONCURRENCY when both get logins (FLT-14)', async () => {
    const { node, url, read } = await serveWithMetrics(SLOW);
    const agents: Agent[] = [];
    for (const worker of workersOf(node.pid)) agents.push(await connectWhileStopped(url, [worker]));
    const running = await runningDuringLogins(url, read, agents);
    // The workers answer a scrape one after the other: a permit that moves meanwhile may count twice.
    expect(running.filter((count) => count > CORES).length).toBeLessThan(running.length / 5);
    expect(running.filter((count) => count === CORES).length).toBeGreaterThan(running.length / 2);
  });

  it('of a worker that is killed leave their capacity to the other (FLT-14)', async () => {
    const { node, url, read } = await serveWithMetrics(SLOW);
    for (const worker of workersOf(node.pid)) {
      process.kill(worker, 'SIGKILL');
      await expect.poll(async () => (await read())['gatehouse_workers'], { timeout: 20_000 }).toBe(2);
      expect((await new Client(url).login('nobody@example.com')).status).toBe(401);
    }
  });
});

/** Logs in over the connections until all are answered; the hashes that ran at each scrape meanwhile. */
async function runningDuringLogins(
  url: string,
  read: () => Promise<Record<string, number>>,
  agents: readonly Agent[],
): Promise<number[]> {
  const email = 'busy@example.com';
  expect((await new Client(url).register(email)).status).toBe(201);
  const logins = agents.flatMap((agent) =>
    Array.from({ length: CONNECTIONS * CORES }, () => post(url, agent, 'v1/auth/login', { email, password: PASSWORD })),
  );
  const finished = new AbortController();
  const done = Promise.all(logins).finally(() => finished.abort());
  const running: number[] = [];
  while (!finished.signal.aborted) running.push((await read())['gatehouse_hashes_running'] ?? 0);
  expect(new Set(await done)).toEqual(new Set([200]));
  return running;
}
