import { setTimeout as pause } from 'node:timers/promises';
import { purgeExpiredRows } from '../growth-purges.ts';
import { chooseUsers, GrowthRequests, knownPasswordHash } from '../growth-requests.ts';
import type { Bench, Effort, Server } from '../harness.ts';
import { LIMITED } from '../login-load.ts';
import { measure, type Measure, type Result } from '../results.ts';
import {
  addExpiredRows,
  fillOtherTables,
  GROWING_TABLES,
  letVacuumRun,
  LIVE_REVOCATIONS,
  onEachSize,
  PURGED_ROWS,
  type Seeded,
} from '../seeded-data.ts';
import { statementsOf, type StatementTotals } from '../statement-statistics.ts';

const SCENARIO = 'growth';
const ABOUT =
  'what a statement costs with few and with many users, counted by PostgreSQL; as many sessions, twice as many events, users chosen by chance';

/** By the statement's name; each is recognised by its text. */
const STATEMENTS: Readonly<Record<string, RegExp>> = {
  'login look-up': /"email_lower" = \$1/,
  'charge of a login': /WITH asked .*charge3 AS/s,
  'charge of a refresh': /WITH asked (?!.*charge2 AS).*charge1 AS/s,
  'record of a success': /^(?!.*WITH asked).*"isKnown"/s,
  'start of a session': /WITH allowed_user AS/,
  'ending the oldest sessions': /UPDATE sessions SET .* OFFSET /s,
  refresh: /WITH presented AS MATERIALIZED .* advanced AS/s,
  'session page': /s\.network\s+FROM sessions/,
  'revocation poll': /FROM revocations r WHERE r\.id >=/,
};

const PURGED_TABLES = ['sessions', 'audit_events', 'rate_limits', 'account_guards', 'revocations'];
/** Time in which the poll of the revocations runs several times, and counts of tables are reported. */
const SETTLE_MILLISECONDS = 2500;

/** Values by the name of a figure, one for each round. */
type Figures = Map<string, { readonly unit: string; readonly values: number[] }>;

/** How the cost of the frequent statements, of the start and of storage grows with the number of users. */
export async function growth(effort: Effort): Promise<Result> {
  const sizes: { readonly size: number; readonly figures: Figures }[] = await onEachSize(async (bench, seeded) => ({
    size: seeded.size,
    figures: await measureSize(bench, seeded, effort),
  }));
  const [first, last] = [sizes[0], sizes.at(-1)];
  const measures: Measure[] = [];
  for (const [name, { unit, values: few }] of first?.figures ?? []) {
    const many = last?.figures.get(name)?.values ?? [];
    if (unit === 'buffers') {
      const ratios = few.map((value, round) => (many[round] ?? Number.NaN) / value);
      measures.push(measure(SCENARIO, `${name}, most users / fewest`, 'ratio', ratios));
    }
    for (const { size, figures } of sizes) {
      measures.push(
        measure(SCENARIO, `${size.toLocaleString('en')} users: ${name}`, unit, figures.get(name)?.values ?? []),
      );
    }
  }
  const scans = sizes.map(({ figures }) => Math.max(...(figures.get('sequential scans')?.values ?? [Number.NaN])));
  measures.push(measure(SCENARIO, 'sequential scans', 'scans', [Math.max(...scans)]));
  return { scenario: SCENARIO, about: ABOUT, effort, servers: {}, measures };
}

async function measureSize(bench: Bench, seeded: Seeded, { rounds, processes }: Effort): Promise<Figures> {
  const { databaseUrl } = bench;
  const figures: Figures = new Map();
  const add = (name: string, unit: string, value: number): void => {
    const figure = figures.get(name) ?? { unit, values: [] };
    figure.values.push(value);
    figures.set(name, figure);
  };
  await bench.migrate(databaseUrl);
  await measureStorage(bench, add);
  await fillOtherTables(bench, seeded);
  await measureStart(bench, seeded, processes, add);
  await withServer(bench, seeded, async (server) => {
    for (let round = 0; round < rounds; round++) await measureRound(bench, seeded, { server, round }, add);
  });
  await withPlansForAnyValue(bench, () =>
    withServer(bench, seeded, (server) =>
      measureRound(bench, seeded, { server, round: rounds }, (name, unit, value) => {
        if (name === 'sequential scans') add(name, unit, value);
      }),
    ),
  );
  await letVacuumRun(bench);
  return figures;
}

type Add = (name: string, unit: string, value: number) => void;

async function measureStorage(bench: Bench, add: Add): Promise<void> {
  for (const [row, table] of [
    ['user', 'users'],
    ['session', 'sessions'],
    ['event', 'audit_events'],
  ] as const) {
    const [size] = await bench.query<{ table: number; indexes: number }>(
      bench.databaseUrl,
      `SELECT pg_table_size('${table}')::float8 / count(*) AS table, pg_indexes_size('${table}')::float8 / count(*) AS indexes FROM ${table}`,
    );
    add(`table, of one ${row}`, 'bytes', size?.table ?? Number.NaN);
    add(`indexes, of one ${row}`, 'bytes', size?.indexes ?? Number.NaN);
  }
}

/** Starts the product as it is shipped, until it is ready. */
async function measureStart(bench: Bench, { masterSecret }: Seeded, processes: number, add: Add): Promise<void> {
  for (let process = 0; process < processes; process++) {
    const startedAt = performance.now();
    const node = await bench.startNode(bench.databaseUrl, { environment: { MASTER_SECRET: masterSecret } });
    add(`start with ${LIVE_REVOCATIONS.toLocaleString('en')} live revocations`, 'ms', performance.now() - startedAt);
    await pause(SETTLE_MILLISECONDS);
    add('resident memory after the start', 'MB', node.residentBytes() / 1e6);
    await node.stop();
  }
}

async function withServer(bench: Bench, seeded: Seeded, work: (server: Server) => Promise<void>): Promise<void> {
  const environment = { ...LIMITED, LOG_LEVEL: 'error', MASTER_SECRET: seeded.masterSecret };
  const server = await bench.startServer(bench.databaseUrl, environment);
  // What is counted later is not read for the first time.
  const hash = await knownPasswordHash(bench, server);
  await new GrowthRequests(server, seeded).sendRound(await chooseUsers(bench, seeded, hash));
  await work(server);
  await server.stop();
}

async function withPlansForAnyValue(bench: Bench, work: () => Promise<void>): Promise<void> {
  const database = new URL(bench.databaseUrl).pathname.slice(1);
  await bench.query(bench.databaseUrl, `ALTER DATABASE ${database} SET plan_cache_mode = force_generic_plan`);
  await work();
  await bench.query(bench.databaseUrl, `ALTER DATABASE ${database} RESET plan_cache_mode`);
}

async function measureRound(
  bench: Bench,
  seeded: Seeded,
  { server, round }: { readonly server: Server; readonly round: number },
  add: Add,
): Promise<void> {
  const { databaseUrl } = bench;
  const chosen = await chooseUsers(bench, seeded, await knownPasswordHash(bench, server));
  await addExpiredRows(bench, round);
  const requests = new GrowthRequests(server, seeded);
  const before = await countsOf(bench);
  const statements = await statementsOf(bench, databaseUrl, async () => {
    await requests.sendRound(chosen);
    await purgeExpiredRows(databaseUrl, seeded.masterSecret);
    await pause(SETTLE_MILLISECONDS);
  });
  const after = await countsOf(bench);
  add('sequential scans', 'scans', after.scans - before.scans);
  add('HOT updates of sessions', '%', (100 * (after.hot - before.hot)) / (after.updates - before.updates));
  for (const [name, pattern] of Object.entries(STATEMENTS)) {
    const { calls, buffers, milliseconds } = totalOf(statements, pattern);
    add(name, 'buffers', buffers / calls);
    add(`${name}, time`, 'ms', milliseconds / calls);
  }
  for (const table of PURGED_TABLES) {
    const { buffers, milliseconds } = totalOf(
      statements,
      new RegExp(String.raw`^\s*(?:SELECT \S+ AS "lastKey".* FROM|DELETE FROM) ${table}\s`, 's'),
    );
    add(`purge of ${table}, a row`, 'buffers', buffers / PURGED_ROWS);
    add(`purge of ${table}, a row, time`, 'µs', (1000 * milliseconds) / PURGED_ROWS);
  }
}

function totalOf(statements: readonly StatementTotals[], pattern: RegExp): Omit<StatementTotals, 'text'> {
  const matching = statements.filter(({ text }) => pattern.test(text));
  if (matching.length === 0) throw new Error(`No statement was executed that matches ${pattern.source}`);
  const sum = (member: 'calls' | 'buffers' | 'milliseconds'): number =>
    matching.reduce((total, each) => total + each[member], 0);
  return { calls: sum('calls'), buffers: sum('buffers'), milliseconds: sum('milliseconds') };
}

async function countsOf(bench: Bench): Promise<{ scans: number; hot: number; updates: number }> {
  await pause(SETTLE_MILLISECONDS);
  const [row] = await bench.query<{ scans: number; hot: number; updates: number }>(
    bench.databaseUrl,
    `SELECT sum(seq_scan)::float8 AS scans, sum(n_tup_hot_upd) FILTER (WHERE relname = 'sessions')::float8 AS hot,
            sum(n_tup_upd) FILTER (WHERE relname = 'sessions')::float8 AS updates
     FROM pg_stat_user_tables WHERE relname = ANY($1)`,
    [GROWING_TABLES],
  );
  if (row === undefined) throw new Error('PostgreSQL counts nothing');
  return row;
}
