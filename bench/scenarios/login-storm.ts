import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import autocannon from 'autocannon';
import { quantile, signIn, withBench, type Bench, type Effort, type Server } from '../harness.ts';
import { measure, type Measure, type Result } from '../results.ts';
import type { Post, SteadyLoad, SteadyResult } from '../steady-load.worker.ts';

const SCENARIO = 'login-storm';
const ABOUT = 'ten times as many logins as can be served, beside 500 guarded requests per second; one core, ES256';
const GUARDED_PER_SECOND = 500;
/** A p99 below this is good, however short the idle one is. */
const MIN_P99_MILLISECONDS = 15;
/** Offered logins for each that can be served. */
const EXCESS = 10;
/** So many that no user reaches the limit of 100 sessions, at which the oldest ends. */
const ACCOUNTS = 5000;
/** The server's HASH_QUEUE_MILLISECONDS: a later refusal was not on arrival. */
const QUEUE_MILLISECONDS = 1000;
/** Warm-up of every load before each measurement. */
const WARM_UP_SECONDS = 2;
/** Longest wait of a measurement for its first served login. */
const MAX_WAIT_SECONDS = 60;
/** Longest time of the measurements before and after the storm. */
const SHORT_SECONDS = 10;
/**
 * Limits are on, and each user logs in from its own address, since one address may not have
 * a hundred logins in progress.
 */
export const LIMITED = { RATE_LIMITS: 'on', TRUSTED_PROXIES: '127.0.0.1' };
const PASSWORD = 'a long enough passphrase';

interface Guarded {
  readonly p99Milliseconds: number;
  /** Requests with another answer than 200, or without one. */
  readonly lost: number;
}

interface Logins {
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

/** CPU milliseconds per second of the hashing threads, and of all other threads. */
interface Threads {
  readonly named: number;
  readonly others: number;
}

interface Round {
  readonly threadsAlone: Threads;
  readonly threadsInStorm: Threads;
  readonly idle: Guarded;
  readonly hashing: Guarded;
  readonly hashesPerSecond: number;
  readonly storm: Guarded;
  readonly logins: Logins;
  /** Logins per second of a few clients that each wait for their answer, so that none is refused. */
  readonly capacity: number;
  readonly rssMegabytes: number;
}

/** The effect of ten times as many logins as can be served on guarded requests and on the served logins. */
export function loginStorm(effort: Effort): Promise<Result> {
  return withBench(async (bench) => {
    const databaseUrl = await bench.createDatabase();
    const server = await bench.startServer(databaseUrl, {
      HASH_QUEUE_MILLISECONDS: String(QUEUE_MILLISECONDS),
      ...LIMITED,
    });
    const emails = await makeAccounts(bench, databaseUrl, server);
    const token = await signIn(server.url);
    await measureRound(server, token, emails, 1);
    const rssBefore = await server.ask<number>('rss');
    const rounds: Round[] = [];
    for (let round = 0; round < effort.rounds; round++) {
      const { seconds } = effort;
      const measured = await measureRound(server, token, emails, seconds);
      rounds.push({ ...measured, rssMegabytes: ((await server.ask<number>('rss')) - rssBefore) / 1e6 });
    }
    return { scenario: SCENARIO, about: ABOUT, effort, servers: {}, measures: measuresOf(rounds) };
  });
}

/** Creates the accounts with the password hash of a registered one. */
export async function makeAccounts(bench: Bench, databaseUrl: string, server: Server): Promise<string[]> {
  const headers = { 'content-type': 'application/json' };
  const body = JSON.stringify({ email: 'first@example.com', password: PASSWORD });
  await fetch(`${server.url}/v1/auth/register`, { method: 'POST', headers, body });
  const sql = `INSERT INTO users (id, email, email_lower, password_hash)
    SELECT gen_random_uuid(), n || '@example.com', n || '@example.com', password_hash
    FROM users, generate_series(1, $1::int) n RETURNING email`;
  return (await bench.query<{ email: string }>(databaseUrl, sql, [ACCOUNTS])).map(({ email }) => email);
}

async function measureRound(
  server: Server,
  token: string,
  emails: readonly string[],
  seconds: number,
): Promise<Omit<Round, 'rssMegabytes'>> {
  const short = Math.min(seconds, SHORT_SECONDS);
  const idle = await askGuarded(server, token, short);
  const hashAlone = () =>
    watchThreads(server, () =>
      Promise.all([askGuarded(server, token, short), server.ask<number>('hashes', WARM_UP_SECONDS + short)]),
    );
  const {
    threads: threadsAlone,
    result: [hashing, hashesBefore],
  } = await hashAlone();
  const [, capacity] = await Promise.all([askGuarded(server, token, short), logInInTurn(server, emails, short)]);
  const {
    threads: threadsInStorm,
    result: [guarded, logins],
  } = await watchThreads(server, () =>
    Promise.all([
      askGuarded(server, token, seconds),
      logInAtOnce(server, emails, Math.ceil(hashesBefore * EXCESS), seconds),
    ]),
  );
  // Logins that are still queued end with their clients.
  await pause(200);
  const after = await hashAlone();
  // Before and after the storm, because the machine's speed changes within minutes.
  const hashesPerSecond = (hashesBefore + after.result[1]) / 2;
  return { idle, hashing, hashesPerSecond, capacity, storm: guarded, logins, threadsAlone, threadsInStorm };
}

/** Measures the CPU milliseconds per second during the work. */
export async function watchThreads<Made>(
  server: Server,
  work: () => Promise<Made>,
): Promise<{ threads: Threads; result: Made }> {
  const [before, startedAt] = [await server.ask<Threads>('threads'), performance.now()];
  const result = await work();
  const [after, seconds] = [await server.ask<Threads>('threads'), (performance.now() - startedAt) / 1000];
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
  const worker = new Worker(new URL('../steady-load.worker.ts', import.meta.url), { workerData });
  const [result] = (await once(worker, 'message')) as [SteadyResult];
  return result;
}

async function askGuarded(server: Server, token: string, seconds: number): Promise<Guarded> {
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
export async function logInInTurn(server: Server, emails: readonly string[], seconds: number): Promise<number> {
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

async function logInAtOnce(
  server: Server,
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

/** Targets are upper bounds, so a figure that should be large is the denominator of a ratio. */
function measuresOf(rounds: readonly Round[]): Measure[] {
  const of = (name: string, unit: string, read: (round: Round) => number): Measure =>
    measure(
      SCENARIO,
      name,
      unit,
      rounds.map((round) => read(round)),
    );
  const lost = ({ idle, hashing, storm }: Round): number => idle.lost + hashing.lost + storm.lost;
  return [
    of('guarded p99, idle', 'ms', ({ idle }) => idle.p99Milliseconds),
    of('guarded p99, hashing alone', 'ms', ({ hashing }) => hashing.p99Milliseconds),
    of('guarded p99, in the storm', 'ms', ({ storm }) => storm.p99Milliseconds),
    of(
      'guarded p99 in the storm / larger of 15 ms and twice idle',
      'ratio',
      ({ idle, storm }) => storm.p99Milliseconds / Math.max(MIN_P99_MILLISECONDS, 2 * idle.p99Milliseconds),
    ),
    of('guarded requests lost', 'requests', lost),
    of('hashes alone', 'per s', ({ hashesPerSecond }) => hashesPerSecond),
    of('logins offered', 'per s', ({ logins }) => logins.offeredPerSecond),
    of('logins served', 'per s', ({ logins }) => logins.perSecond),
    of('logins of four clients in turn, none refused', 'per s', ({ capacity }) => capacity),
    of('hashes alone / logins served', 'ratio', ({ logins, hashesPerSecond }) => hashesPerSecond / logins.perSecond),
    of('logins in turn / logins served', 'ratio', ({ logins, capacity }) => capacity / logins.perSecond),
    of('CPU of the hashing thread per hash, alone', 'ms', (round) => round.threadsAlone.named / round.hashesPerSecond),
    of(
      'CPU of the hashing thread per login, in the storm',
      'ms',
      (round) => round.threadsInStorm.named / round.logins.perSecond,
    ),
    of(
      'CPU of the other threads per login, beyond the guarded load',
      'ms',
      ({ threadsInStorm, threadsAlone, logins }) => (threadsInStorm.others - threadsAlone.others) / logins.perSecond,
    ),
    of('logins neither served nor refused', 'logins', ({ logins }) => logins.failed),
    of('logins dropped after a wait', 'logins', ({ logins }) => logins.dropped),
    of('refused on arrival, p50', 'ms', ({ logins }) => logins.refusedP50Milliseconds),
    of('refused on arrival, p99', 'ms', ({ logins }) => logins.refusedP99Milliseconds),
    of('resident memory since the warm-up', 'MB', ({ rssMegabytes }) => rssMegabytes),
  ];
}
