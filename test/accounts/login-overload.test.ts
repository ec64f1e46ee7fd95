import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { Worker } from 'node:worker_threads';
import pg from 'pg';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { MetricsServer } from '../../src/metrics/metrics.server.js';
import { PasswordsService } from '../../src/passwords/passwords.service.js';
import { createDatabase, PASSWORD, startApp, type Answer, type TestApp } from '../support/app.js';
import type { SignedIn } from '../support/client.js';
import { startNode } from '../support/processes.js';

/** A hash takes about 50 ms (MODERATE) or some hundreds of ms (SLOW). */
const MODERATE = { argon2MemoryKib: 19_456, argon2Passes: 8 };
const SLOW = { argon2MemoryKib: 32_768, argon2Passes: 24 };

interface TimedAnswer extends Answer {
  readonly milliseconds: number;
}

function statsOf(app: TestApp) {
  return app.nest.get(PasswordsService, { strict: false }).hashStats();
}

async function timed(request: Promise<Answer>): Promise<TimedAnswer> {
  const startedAt = performance.now();
  const answer = await request;
  return { ...answer, milliseconds: performance.now() - startedAt };
}

/** Users that share one hash, so that creating them costs one hash. */
async function makeUsers(app: TestApp, count: number): Promise<string[]> {
  const first = `${randomUUID()}@example.com`;
  await app.register(first);
  const others = await app.query<{ email: string }>(
    `INSERT INTO users (id, email, email_lower, password_hash)
     SELECT gen_random_uuid(), n || email, n || email_lower, password_hash
     FROM users, generate_series(2, $2::int) n WHERE email = $1 RETURNING email`,
    [first, count],
  );
  return [first, ...others.map(({ email }) => email)];
}

/** Counts the worker threads that this process starts from now on, and their messages. */
function countWorkers(): { started: number; answers: number } {
  const seen = { started: 0, answers: 0 };
  const countWorker = (worker: Worker): void => {
    seen.started++;
    worker.on('message', () => seen.answers++);
  };
  process.on('worker', countWorker);
  onTestFinished(() => void process.off('worker', countWorker));
  return seen;
}

/** Repeats the request sequentially until the returned function is called. */
function repeatRequest(ask: () => Promise<Answer>): () => Promise<TimedAnswer[]> {
  const answers: TimedAnswer[] = [];
  const over = new AbortController();
  const asking = (async () => {
    while (!over.signal.aborted) {
      answers.push(await timed(ask()));
      await pause(5);
    }
  })();
  return async () => {
    over.abort();
    await asking;
    return answers;
  };
}

function median(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[numbers.length >> 1] ?? Number.NaN;
}

function p99(answers: readonly TimedAnswer[]): number {
  const sorted = answers.map(({ milliseconds }) => milliseconds).toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length * 0.99)] ?? Number.NaN;
}

async function metric(app: TestApp, line: string): Promise<number> {
  const port = app.nest.get(MetricsServer, { strict: false }).port;
  const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  return Number(
    text
      .split('\n')
      .find((each) => each.startsWith(`${line} `))
      ?.slice(line.length),
  );
}

describe('login overload', () => {
  it('delays no guarded request, is shed at once, and does not lower goodput (FLT-14, FLT-15)', async () => {
    const workers = countWorkers();
    const changes = { ...MODERATE, hashConcurrency: 1, hashQueueMilliseconds: 1000, metricsPort: 0 };
    const app = await startApp({ changes });
    const emails = await makeUsers(app, 40);
    const { token } = await app.signInAs(emails[0] ?? '');
    const alone = await Promise.all([1, 2, 3, 4].map((turn) => timed(app.login(emails[turn] ?? ''))));
    const aloneMs = Math.max(...alone.map(({ milliseconds }) => milliseconds)) / alone.length;

    const idle: TimedAnswer[] = [];
    while (idle.length < 200) idle.push(await timed(app.me(token)));
    const stopRequests = [1, 2].map(() => repeatRequest(() => app.me(token)));
    const running: number[] = [];
    const logins: Promise<TimedAnswer>[] = [];
    const [answersBefore, shedBefore] = [workers.answers, statsOf(app).shed];
    const startedAt = performance.now();
    // Six logins in the time of one hash, for long enough to fill the queue.
    for (let turn = 0; performance.now() - startedAt < 3000; turn++) {
      logins.push(timed(app.login(emails[turn % emails.length] ?? '')));
      running.push(statsOf(app).running);
      await pause(aloneMs / 6);
    }
    const answers = await Promise.all(logins);
    const guarded = (await Promise.all(stopRequests.map((stop) => stop()))).flat();

    expect(guarded.filter(({ status }) => status !== 200)).toEqual([]);
    expect(guarded.length).toBeGreaterThan(20);
    // Latency is close to that of an idle service: no guarded request waits for a hash.
    expect(p99(guarded)).toBeLessThan(p99(idle) + aloneMs / 2);
    const admitted = answers.filter(({ status }) => status === 200);
    const refused = answers.filter(({ status }) => status !== 200);
    expect(new Set(refused.map(({ status, body }) => `${status} ${String(body['code'])}`))).toEqual(
      new Set(['503 service_unavailable']),
    );
    for (const { headers } of refused) expect(headers.get('retry-after')).toMatch(/^[1-9]\d*$/);
    expect(refused.length).toBeGreaterThan(admitted.length);
    // The hashing thread is always busy, and computes no hash that is discarded.
    expect(running.filter((count) => count === 1).length).toBeGreaterThan(running.length * 0.8);
    expect(workers.answers - answersBefore).toBe(admitted.length);
    expect(admitted.length).toBeGreaterThan(5);
    // Far less than the time in the queue.
    expect(median(refused.map(({ milliseconds }) => milliseconds))).toBeLessThan(300);

    expect(Math.max(...running)).toBe(1);
    expect(workers.started).toBe(1);
    const { arrival, deadline, gone } = statsOf(app).shed;
    const shed = arrival + deadline - shedBefore.arrival - shedBefore.deadline;
    expect([shed, gone]).toEqual([refused.length, 0]);
    expect(await metric(app, 'gatehouse_hashes_shed_total{reason="arrival"}')).toBe(arrival);
    expect(statsOf(app)).toMatchObject({ running: 0, waiting: 0 });
    expect((await app.login(emails[1] ?? '')).status).toBe(200);
  });

  it('is shed without a database query (FLT-15)', async () => {
    const app = await startApp({ changes: { ...SLOW, hashConcurrency: 1, hashQueueMilliseconds: 0 } });
    const [known = ''] = await makeUsers(app, 1);
    const running = app.register(`${randomUUID()}@example.com`);
    await expect.poll(() => statsOf(app).running).toBe(1);
    const client = new pg.Client({ connectionString: app.databaseUrl });
    await client.connect();
    onTestFinished(() => client.end());
    await client.query('BEGIN; LOCK TABLE users');
    const refused = await Promise.all([known, 'nobody@example.com'].map((email) => app.login(email)));
    expect(statsOf(app)).toMatchObject({ running: 1, shed: { arrival: 2 } });
    expect(refused.map(({ status }) => status)).toEqual([503, 503]);
    await client.query('COMMIT');
    expect((await running).status).toBe(201);
  });

  it('postpones the renewal of old hashes and fails no login for it (PWD-09)', async () => {
    const cheaper = await startApp();
    const emails = await makeUsers(cheaper, 30);
    const { databaseUrl } = cheaper;
    const app = await startApp({ databaseUrl, changes: { ...SLOW, hashConcurrency: 1, hashQueueMilliseconds: 3000 } });
    // Hashes of the old cost take almost no time; the service learns that here and then admits all logins.
    for (let turn = 0; turn < 20; turn++) await app.login(emails[0] ?? '', 'not the passphrase');
    const logins = await Promise.all(emails.map((email) => app.login(email)));
    expect(logins.map(({ status }) => status)).toEqual(emails.map(() => 200));
    const isOld = `password_hash NOT LIKE '%m=${SLOW.argon2MemoryKib},%'`;
    const [old] = await app.query<{ email: string }>(`SELECT email FROM users WHERE ${isOld}`);
    expect((await app.login(old?.email ?? '')).status).toBe(200);
    expect(await app.query(`SELECT FROM users WHERE email = $1 AND ${isOld}`, [old?.email])).toEqual([]);
  });

  it('is logged once, not as an error per login (FLT-14)', async () => {
    const settings = { HASH_CONCURRENCY: '1', HASH_QUEUE_MILLISECONDS: '0' };
    const node = await startNode(await createDatabase(), settings);
    const answers = await Promise.all(Array.from({ length: 30 }, () => node.client.login('nobody@example.com')));
    const refused = answers.filter(({ status }) => status === 503);
    expect(refused.length).toBeGreaterThan(10);
    expect(answers.filter(({ status }) => status === 401)).toHaveLength(30 - refused.length);
    const lines = (): Record<string, unknown>[] =>
      node
        .output()
        .split('\n')
        .filter((line) => line.startsWith('{'))
        .map((line) => JSON.parse(line) as Record<string, unknown>);
    await expect.poll(() => lines().filter(({ status }) => status === 503).length).toBe(refused.length);
    expect(lines().filter(({ level }) => Number(level) >= 50)).toEqual([]);
    expect(lines().filter(({ event }) => event === 'hashes_shed')).toHaveLength(1);
  });
});

describe('a client that disconnects while it waits for a hash', () => {
  let app: TestApp;
  let user: SignedIn;
  beforeAll(async () => {
    const clean: (() => Promise<void>)[] = [];
    app = await startApp({ changes: { ...SLOW, hashConcurrency: 1, hashQueueMilliseconds: 60_000 } }, (each) =>
      clean.push(each),
    );
    user = await app.signIn();
    return async () => {
      for (const each of clean.toReversed()) await each();
    };
  });

  it.each([
    ['v1/auth/login', () => ({ email: user.email, password: PASSWORD })],
    ['v1/auth/register', () => ({ email: `${randomUUID()}@example.com`, password: PASSWORD })],
    ['v1/users/me/password', () => ({ currentPassword: PASSWORD, newPassword: 'some other passphrase' })],
    ['v1/users/me/deletion', () => ({ currentPassword: PASSWORD })],
  ])('causes no hash and no change at /%s (FLT-14, FLT-18)', async (path, body) => {
    const rows = (): Promise<unknown[]> =>
      app.query(
        'SELECT users.*, sessions.id FROM users LEFT JOIN sessions ON user_id = users.id ORDER BY 1, sessions.id',
      );
    const before = await rows();
    const { gone } = statsOf(app).shed;
    const running = app.login('nobody@example.com');
    await expect.poll(() => statsOf(app).running).toBe(1);
    const client = new AbortController();
    const request = fetch(`${app.url}/${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${user.token}` },
      body: JSON.stringify(body()),
      signal: client.signal,
    });
    const failed = expect(request).rejects.toThrow('aborted');
    await expect.poll(() => statsOf(app).waiting, { interval: 1 }).toBe(1);
    client.abort();
    await failed;
    await expect.poll(() => statsOf(app).waiting, { interval: 1 }).toBe(0);
    expect(statsOf(app)).toMatchObject({ running: 1, shed: { gone: gone + 1 } });
    expect((await running).status).toBe(401);
    expect(statsOf(app)).toMatchObject({ running: 0, waiting: 0 });
    expect(await rows()).toEqual(before);
  });
});

it('hashing threads do not keep a script running, and a script does not end before its hash is done', async () => {
  const script = `
    import { HashPool } from './dist/passwords/hash-pool.js';
    const pool = new HashPool({ limit: 2, queueMilliseconds: 1000 });
    const task = { kind: 'hash', password: 'correct horse battery', cost: { memoryKib: 19456, passes: 2, lanes: 1 } };
    console.log((await Promise.all([pool.runHash(task), pool.runHash(task), pool.runHash(task)])).length);`;
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script]);
  expect(stdout).toBe('3\n');
});
