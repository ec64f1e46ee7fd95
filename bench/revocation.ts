import { setTimeout as pause } from 'node:timers/promises';
import {
  cpuPerRequest,
  drive,
  introduce,
  quantile,
  range,
  save,
  signIn,
  withBench,
  type Bench,
  type Effort,
  type Server,
} from './harness.ts';

const LIVE_REVOCATIONS = 100_000;
const LOGOUTS_PER_ROUND = 40;

interface Lags {
  /** Milliseconds from the 204 of one node to the first refusal of the other, one per logout. */
  readonly notified: number[];
  /** The same while the other node hears no notification. */
  readonly polled: number[];
}

/** How soon every node obeys a logout, and what that costs a guarded request. */
export function revocation(effort: Effort): Promise<void> {
  return withBench(async (bench) => {
    const lags = await measureLags(bench, effort.rounds * LOGOUTS_PER_ROUND);
    const cost = await measureCost(bench, effort);
    report(effort, lags, cost);
  });
}

/** Notifications stay within a database: a node that listens on another one hears none. */
async function measureLags(bench: Bench, logouts: number): Promise<Lags> {
  const [databaseUrl, elsewhere] = [await bench.createDatabase(), await bench.createDatabase()];
  const writer = await bench.startServer(databaseUrl);
  const listening = await bench.startServer(databaseUrl);
  const deaf = await bench.startServer(databaseUrl, { DATABASE_DIRECT_URL: elsewhere });
  const lags: Lags = { notified: [], polled: [] };
  for (let logout = 0; logout < logouts; logout++) {
    lags.notified.push(await lagOf(writer, listening));
    if (logout % 4 === 0) lags.polled.push(await lagOf(writer, deaf));
  }
  for (const server of [writer, listening, deaf]) await server.stop();
  return lags;
}

/** The other node is asked all along, one request after the other, from before the logout. */
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
  /** CPU µs per guarded request of a node without revocations and of one with 100,000, by round. */
  readonly without: number[];
  readonly with: number[];
  readonly ratios: number[];
  readonly heapMegabytes: number;
  readonly queriesPerRequest: number;
}

async function measureCost(bench: Bench, effort: Effort): Promise<Cost> {
  const [emptyUrl, fullUrl] = [await bench.createDatabase(), await bench.createDatabase()];
  const [empty, full] = [await bench.startServer(emptyUrl), await bench.startServer(fullUrl)];
  const tokens = { without: await signIn(empty.url), with: await signIn(full.url) };
  const before = await full.heap();
  await bench.query(
    fullUrl,
    `INSERT INTO revocations (kind, subject) SELECT 'sid', gen_random_uuid() FROM generate_series(1, ${LIVE_REVOCATIONS})`,
  );
  while ((await full.revocations()) < LIVE_REVOCATIONS) await pause(50);
  const heapMegabytes = ((await full.heap()) - before) / 1e6;
  const cost: Omit<Cost, 'queriesPerRequest'> = { without: [], with: [], ratios: [], heapMegabytes };
  const { seconds } = effort;
  await drive(`${empty.url}/v1/auth/me`, { token: tokens.without, seconds });
  await drive(`${full.url}/v1/auth/me`, { token: tokens.with, seconds });
  for (let round = 0; round < effort.rounds; round++) {
    const sides = [
      ['without', empty],
      ['with', full],
    ] as const;
    for (const [side, server] of round % 2 ? sides.toReversed() : sides) {
      cost[side].push(await cpuPerRequest(server, '/v1/auth/me', tokens[side], effort));
    }
    cost.ratios.push((cost.with[round] ?? 0) / (cost.without[round] ?? 0));
  }
  return { ...cost, queriesPerRequest: await queriesPerRequest(bench, fullUrl, full, tokens.with, effort) };
}

/** Transactions of the database while guarded requests run, beyond those of as much idle time, per request. */
async function queriesPerRequest(
  bench: Bench,
  databaseUrl: string,
  server: Server,
  token: string,
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
  const { requests } = await drive(`${server.url}/v1/auth/me`, { token, seconds, rate });
  const busy = await count();
  const expected = ((idle.transactions - before.transactions) / (idle.at - before.at)) * (busy.at - idle.at);
  return Math.max(0, busy.transactions - idle.transactions - expected) / requests.total;
}

function report(effort: Effort, { notified, polled }: Lags, cost: Cost): void {
  introduce('ES256');
  console.log(`ms from the 204 to the other node's refusal, p50 / p99 / most: ${told(notified)}`);
  console.log(`the same without notifications, p50 / p99 / most: ${told(polled)}`);
  console.log(`CPU of a guarded request with ${LIVE_REVOCATIONS} live revocations / without: ${range(cost.ratios, 2)}`);
  console.log(`their memory: ${cost.heapMegabytes.toFixed(1)} MB`);
  console.log(`queries per guarded request: ${cost.queriesPerRequest.toFixed(4)}`);
  save('revocation', { ...effort, notified, polled, ...cost });
}

function told(lags: readonly number[]): string {
  return `${[0.5, 0.99, 1].map((part) => quantile(lags, part).toFixed(1)).join(' / ')}   (${lags.length} logouts)`;
}
