import { setTimeout as pause } from 'node:timers/promises';
import { ME } from '../compared-servers.ts';
import { quantile, signIn, withBench, type Bench, type Effort, type Server } from '../harness.ts';
import { bearer, Load, openLoad } from '../load-generator.ts';
import { measureServers, type ComparedServer } from '../measure-rounds.ts';
import { measure, ratio, type Measured, type Result } from '../results.ts';

const SCENARIO = 'revocation';
const LIVE_REVOCATIONS = 100_000;
const LOGOUTS_PER_ROUND = 20;
const FULL = '100,000 live revocations';
const EMPTY = 'no revocations';

interface Lags {
  /** Milliseconds from the 204 of one node to the first refusal of the other, one per logout. */
  readonly notified: number[];
  /** The same when the other node receives no notifications. */
  readonly polled: number[];
}

/** How soon every node refuses a revoked token, and the cost of live revocations for a guarded request. */
export function revocation(effort: Effort): Promise<Result> {
  return withBench(async (bench) => {
    const { notified, polled } = await measureLags(bench, effort.processes * effort.rounds * LOGOUTS_PER_ROUND);
    const { servers, heapMegabytes, queriesPerRequest } = await measureCost(bench, effort);
    const measures = [
      ratio(SCENARIO, servers, [FULL, EMPTY]),
      measure(SCENARIO, 'refusal elsewhere after the 204, p50', 'ms', notified),
      measure(SCENARIO, 'refusal elsewhere after the 204, p99', 'ms', [quantile(notified, 0.99)]),
      measure(SCENARIO, 'the same by polling alone, p50', 'ms', polled),
      measure(SCENARIO, 'the same by polling alone, p99', 'ms', [quantile(polled, 0.99)]),
      measure(SCENARIO, `memory of ${FULL}`, 'MB', heapMegabytes),
      measure(SCENARIO, 'queries per guarded request', 'queries', queriesPerRequest),
    ];
    const about =
      'how soon another node refuses a token after a logout, and what live revocations cost a guarded request; ES256';
    return { scenario: SCENARIO, about, effort, servers, measures };
  });
}

/** Notifications stay within a database, so that a node that listens on another one receives none. */
async function measureLags(bench: Bench, logouts: number): Promise<Lags> {
  const [databaseUrl, elsewhere] = [await bench.createDatabase(), await bench.createDatabase()];
  const writer = await bench.startServer(databaseUrl);
  const listening = await bench.startServer(databaseUrl);
  const polling = await bench.startServer(databaseUrl, { DATABASE_DIRECT_URL: elsewhere });
  const lags: Lags = { notified: [], polled: [] };
  for (let logout = 0; logout < logouts; logout++) {
    lags.notified.push(await lagOf(writer, listening));
    if (logout % 4 === 0) lags.polled.push(await lagOf(writer, polling));
  }
  for (const server of [writer, listening, polling]) await server.stop();
  return lags;
}

/** Sends requests to the other node, one after the other, from before the logout until one is refused. */
async function lagOf(writer: Server, other: Server): Promise<number> {
  const token = await signIn(writer.url);
  const headers = { authorization: `Bearer ${token}` };
  const isAccepted = async (): Promise<boolean> => (await fetch(`${other.url}/v1/auth/me`, { headers })).ok;
  if (!(await isAccepted())) throw new Error('the token is refused before the logout');
  const refused = (async () => {
    while (await isAccepted());
    return performance.now();
  })();
  const { status } = await fetch(`${writer.url}/v1/auth/logout`, { method: 'POST', headers });
  const answeredAt = performance.now();
  if (status !== 204) throw new Error(`the logout answered ${status}`);
  return Math.max(0, (await refused) - answeredAt);
}

interface Cost {
  readonly servers: Readonly<Record<string, Measured>>;
  readonly heapMegabytes: readonly number[];
  readonly queriesPerRequest: readonly number[];
}

async function measureCost(bench: Bench, effort: Effort): Promise<Cost> {
  const heapMegabytes: number[] = [];
  const queriesPerRequest: number[] = [];
  const servers = await measureServers(effort, async () => {
    const { compared, databaseUrl, megabytes } = await startBoth(bench);
    heapMegabytes.push(megabytes);
    queriesPerRequest.push(await countQueries(bench, databaseUrl, compared[FULL], effort));
    return compared;
  });
  return { servers, heapMegabytes, queriesPerRequest };
}

interface Started {
  readonly compared: Readonly<Record<typeof EMPTY | typeof FULL, ComparedServer>>;
  /** Of the server with revocations. */
  readonly databaseUrl: string;
  /** What the revocations take of its heap. */
  readonly megabytes: number;
}

async function startBoth(bench: Bench): Promise<Started> {
  const [emptyUrl, fullUrl] = [await bench.createDatabase(), await bench.createDatabase()];
  const environment = { ACCESS_TOKEN_TTL_SECONDS: '3600' };
  const empty = await bench.startServer(emptyUrl, environment);
  const full = await bench.startServer(fullUrl, environment);
  const before = await full.heap();
  await bench.query(
    fullUrl,
    `INSERT INTO revocations (kind, subject) SELECT 'sid', gen_random_uuid() FROM generate_series(1, ${LIVE_REVOCATIONS})`,
  );
  while ((await full.revocations()) < LIVE_REVOCATIONS) await pause(50);
  const megabytes = ((await full.heap()) - before) / 1e6;
  const compared = {
    [EMPTY]: calledBy(await signIn(empty.url), empty),
    [FULL]: calledBy(await signIn(full.url), full),
  };
  return { compared, databaseUrl: fullUrl, megabytes };
}

function calledBy(token: string, server: Server): ComparedServer {
  return { server, load: new Load(server.url + ME, [bearer(token)]) };
}

/** Database transactions per guarded request, minus those of the same idle time. */
async function countQueries(
  bench: Bench,
  databaseUrl: string,
  { load }: ComparedServer,
  { seconds, rate }: Effort,
): Promise<number> {
  const count = async (): Promise<{ transactions: number; at: number }> => {
    // PostgreSQL reports its counters a second late.
    await pause(1500);
    const [row] = await bench.query<{ transactions: string; at: number }>(
      databaseUrl,
      `SELECT xact_commit + xact_rollback AS transactions, extract(epoch FROM clock_timestamp())::float8 AS at
       FROM pg_stat_database WHERE datname = current_database()`,
    );
    return { transactions: Number(row?.transactions), at: row?.at ?? 0 };
  };
  const before = await count();
  await pause(seconds * 1000);
  const idle = await count();
  const opened = await openLoad(load);
  const { answered } = await opened.drive({ seconds, rate });
  opened.close();
  const busy = await count();
  const expected = ((idle.transactions - before.transactions) / (idle.at - before.at)) * (busy.at - idle.at);
  return Math.max(0, busy.transactions - idle.transactions - expected) / answered;
}
