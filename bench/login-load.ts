import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import autocannon from 'autocannon';
import { quantile, type Bench } from './harness.ts';
import type { ThreadTimes } from './process-tree.ts';
import type { MeasuredServer, Server } from './server-processes.ts';
import type { Post, SteadyLoad, SteadyResult } from './steady-load.worker.ts';

const GUARDED_PER_SECOND = 500;
/** So many that no user reaches the limit of 100 sessions, at which the oldest ends. */
const ACCOUNTS = 5000;
/** The server's HASH_QUEUE_MILLISECONDS: a later refusal was not on arrival. */
export const QUEUE_MILLISECONDS = 1000;
/** Warm-up of every load before each measurement. */
export const WARM_UP_SECONDS = 2;
/** Longest wait of a measurement for its first served login. */
const MAX_WAIT_SECONDS = 60;
export const PASSWORD = 'a long enough passphrase';

/**
 * Limits are on, and each user logs in from its own address, since one address may not have
 * a hundred logins in progress.
 */
export const LIMITED = { RATE_LIMITS: 'on', TRUSTED_PROXIES: '127.0.0.1' };

/** Any server. */
type Addressed = Pick<MeasuredServer, 'url'>;

export interface Guarded {
  readonly p99Milliseconds: number;
  /** Requests with another answer than 200, or without one. */
  readonly lost: number;
}

export interface Logins {
  readonly offeredPerSecond: number;
  readonly perSecond: number;
  /** Requests with another answer than 200 or 503, or without one. */
  readonly failed: number;
  /** Refused at the deadline, after waiting. */
  readonly dropped: number;
  /** Refused on arrival. */
  readonly refused: number;
  readonly refusedP50Milliseconds: number;
  readonly refusedP99Milliseconds: number;
}

/** Creates the accounts with the password hash of a registered one. */
export async function makeAccounts(bench: Bench, databaseUrl: string, server: Addressed): Promise<string[]> {
  const headers = { 'content-type': 'application/json' };
  const body = JSON.stringify({ email: 'first@example.com', password: PASSWORD });
  await fetch(`${server.url}/v1/auth/register`, { method: 'POST', headers, body });
  const sql = `INSERT INTO users (id, email, email_lower, password_hash)
    SELECT gen_random_uuid(), n || '@example.com', n || '@example.com', password_hash
    FROM users, generate_series(1, $1::int) n RETURNING email`;
  return (await bench.query<{ email: string }>(databaseUrl, sql, [ACCOUNTS])).map(({ email }) => email);
}

/** Measures the CPU milliseconds per second of the hashing threads, and of all others, during the work. */
export async function watchThreads<Made>(
  server: Server,
  work: () => Promise<Made>,
): Promise<{ threads: ThreadTimes; result: Made }> {
  const [before, startedAt] = [await server.ask<ThreadTimes>('threads'), performance.now()];
  const result = await work();
  const [after, seconds] = [await server.ask<ThreadTimes>('threads'), (performance.now() - startedAt) / 1000];
  const threads = { named: (after.named - before.named) / seconds, others: (after.others - before.others) / seconds };
  return { threads, result };
}

/** Sends from a worker thread, so that one load does not delay another. autocannon would send in bursts. */
async function askSteadily(load: Omit<SteadyLoad, 'warmUpSeconds' | 'patienceMilliseconds'>): Promise<SteadyResult> {
  const workerData: SteadyLoad = {
    ...load,
    warmUpSeconds: WARM_UP_SECONDS,
    patienceMilliseconds: 2 * QUEUE_MILLISECONDS,
  };
  const worker = new Worker(new URL('./steady-load.worker.ts', import.meta.url), { workerData });
  const [result] = (await once(worker, 'message')) as [SteadyResult];
  return result;
}

export async function askGuarded(server: Addressed, token: string, seconds: number): Promise<Guarded> {
  const headers = { authorization: `Bearer ${token}` };
  const { times, lost } = await askSteadily({
    url: `${server.url}/v1/auth/me`,
    headers,
    posts: [],
    perSecond: GUARDED_PER_SECOND,
    seconds,
    awaited: [{ status: 200, withinMilliseconds: Infinity }],
  });
  const { 200: answered = [], ...others } = times;
  return { p99Milliseconds: quantile(answered, 0.99), lost: lost + Object.values(others).flat().length };
}

/** Index of the next account, over all rounds, so that the logins are spread over all accounts. */
let nextAccount = 0;

function nextLogins(emails: readonly string[], count: number): Post[] {
  return Array.from({ length: count }, () => {
    const user = nextAccount++ % emails.length;
    return {
      body: JSON.stringify({ email: emails[user], password: PASSWORD }),
      headers: { 'content-type': 'application/json', 'x-forwarded-for': `10.0.${user >> 8}.${user & 255}` },
    };
  });
}

/**
 * Logins served per second, by a few clients that each wait for their answer. Continues until one login is served.
 * @throws Error when none is served within 60 s
 */
export async function logInInTurn(server: Addressed, emails: readonly string[], seconds: number): Promise<number> {
  const done = Promise.withResolvers<autocannon.Result>();
  const settle = (error: unknown, result: autocannon.Result): void =>
    error === null ? done.resolve(result) : done.reject(error);
  const options: autocannon.Options = {
    url: server.url,
    connections: 4,
    duration: seconds + MAX_WAIT_SECONDS,
    timeout: MAX_WAIT_SECONDS,
    requests: [
      {
        method: 'POST',
        path: '/v1/auth/login',
        setupRequest: (request) => ({ ...request, ...nextLogins(emails, 1)[0] }),
      },
    ],
  };
  const load = autocannon(options, settle);
  const startedAt = performance.now();
  let isOneServed = false;
  load.on('response', (_client, status) => {
    isOneServed ||= status === 200;
    if (isOneServed && performance.now() - startedAt >= seconds * 1000) load.stop();
  });
  const { '2xx': served, duration } = await done.promise;
  if (served === 0) throw new Error(`No login was served in ${duration} s`);
  return served / duration;
}

export async function logInAtOnce(
  server: Addressed,
  emails: readonly string[],
  perSecond: number,
  seconds: number,
): Promise<Logins> {
  const posts = nextLogins(emails, perSecond * (WARM_UP_SECONDS + seconds));
  const { times, answers, lost, ...measured } = await askSteadily({
    url: `${server.url}/v1/auth/login`,
    headers: {},
    posts,
    perSecond,
    seconds,
    awaited: [
      { status: 200, withinMilliseconds: Infinity },
      { status: 503, withinMilliseconds: QUEUE_MILLISECONDS },
    ],
  });
  const { 200: _served, 503: shed = [], ...others } = times;
  const refused = shed.filter((milliseconds) => milliseconds < QUEUE_MILLISECONDS);
  return {
    offeredPerSecond: perSecond,
    perSecond: (answers[200] ?? 0) / measured.seconds,
    failed: lost + Object.values(others).flat().length,
    dropped: shed.length - refused.length,
    refused: refused.length,
    refusedP50Milliseconds: quantile(refused, 0.5),
    refusedP99Milliseconds: quantile(refused, 0.99),
  };
}
