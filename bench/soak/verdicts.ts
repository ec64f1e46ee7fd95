import { measure, type Measure } from '../results.ts';
import { targetOf } from '../targets.ts';
import { PURGES, type DatabaseSample, type TableSample } from './database-probe.ts';
import { growthOf, MIN_SAMPLES, quartersOf } from './flatness.ts';
import type { LoadWindow } from './mixed-load.ts';
import type { NodeSample } from './node-probe.ts';
import { KINDS, type Kind } from './simulated-clients.ts';

const SCENARIO = 'soak';

/** What was read at one moment, and what was answered since the last. */
export interface SoakSample extends LoadWindow {
  /** Since the start of the load. */
  readonly seconds: number;
  readonly node: NodeSample;
  readonly tables: DatabaseSample;
}

interface Course {
  readonly read: (sample: SoakSample) => number;
  /** See {@link growthOf}. */
  readonly floor?: number;
}

const COURSES: Readonly<Record<string, Course>> = {
  'resident memory': { read: ({ node }) => node.residentMegabytes },
  'heap after a collection': { read: ({ node }) => node.heapMegabytes },
  descriptors: { read: ({ node }) => node.descriptors },
  // A pool opens them up to its size, ten, when it first needs them.
  'database connections': { read: ({ node }) => node.metrics['gatehouse_database_connections'] ?? 0, floor: 10 },
  'delay of the event loop, p99': {
    read: ({ node }) => (node.metrics['nodejs_eventloop_lag_p99_seconds'] ?? 0) * 1000,
    floor: 5,
  },
  'rows besides users and devices': { read: (sample) => sumOf(withoutUsers(sample), ({ rows }) => rows) },
  // As many as autovacuum lets be.
  'dead rows': { read: (sample) => sumOf(sample, ({ deadRows }) => deadRows), floor: 5000 },
  'size of the tables besides users and devices': {
    read: (sample) => sumOf(withoutUsers(sample), ({ megabytes }) => megabytes),
  },
  'size of users and devices, a row': {
    read: (sample) => sumOf(usersOf(sample), ({ megabytes }) => megabytes) / sumOf(usersOf(sample), ({ rows }) => rows),
  },
  ...Object.fromEntries(
    KINDS.map((kind) => [`${kind} p50`, { read: ({ latencies }) => latencies[kind]?.p50Milliseconds ?? Number.NaN }]),
  ),
  'guarded request p99': { read: ({ latencies }) => latencies['guarded request']?.p99Milliseconds ?? Number.NaN },
};

const of = (name: string, unit: string, value: number): Measure => measure(SCENARIO, name, unit, [value]);

/** The courses of memory, rows, latencies and so on, and what must not have happened at all. */
export function verdictsOf(samples: readonly SoakSample[], capacity: number): Measure[] {
  const [first, last] = [samples[0] as SoakSample, samples.at(-1) as SoakSample];
  const seconds = last.seconds - first.seconds;
  const answered = samples.slice(1).reduce((sum, sample) => sum + sample.answered, 0);
  return [
    of('capacity', 'requests per s', capacity),
    of('answered', 'requests per s', answered / seconds),
    of('CPU of the node', 'cores', (last.node.cpuSeconds - first.node.cpuSeconds) / seconds),
    of('unexpected answers', 'answers', total(samples, unexpectedIn)),
    of(
      'broken connections',
      'connections',
      total(samples, ({ broken }) => broken),
    ),
    of(
      'requests not sent',
      'requests',
      total(samples, ({ withheld }) => withheld),
    ),
    of(
      'due requests that the generator missed',
      'of all',
      total(samples, ({ missed }) => missed) / (answered + total(samples, ({ missed }) => missed)),
    ),
    of(
      'growth of users that the load does not explain',
      'rows',
      Math.abs(growthOfTable(samples, 'users') - usersOfTheLoad(samples)),
    ),
    of(
      'growth of devices beyond one a user',
      'rows',
      Math.max(0, growthOfTable(samples, 'devices') - usersOfTheLoad(samples)),
    ),
    of('tables without a purged row in the last quarter', 'tables', unpurgedTables(samples).length),
    ...Object.entries(COURSES).flatMap(([name, course]) => courseOf(samples, name, course)),
    ...KINDS.map((kind) =>
      of(
        `${kind}: answered`,
        'requests',
        total(samples, (sample) => countOf(sample, kind)),
      ),
    ),
  ];
}

/** None for a kind that was too rare in a run of seconds. */
function courseOf(samples: readonly SoakSample[], name: string, { read, floor }: Course): Measure[] {
  const values = samples.map(read).filter(Number.isFinite);
  if (values.length < MIN_SAMPLES) return [];
  const growth = growthOf(values, floor);
  const full = `${name}, last / second quarter`;
  const most = targetOf(SCENARIO, full)?.most;
  return [{ name: full, unit: 'ratio', values: [growth.median], ...growth, most }];
}

/** How many users the load has registered and not deleted; some are in flight at each sample. */
function usersOfTheLoad(samples: readonly SoakSample[]): number {
  const counted = (kind: Kind): number => total(samples.slice(1), (sample) => countOf(sample, kind));
  return counted('registration') - counted('account deletion');
}

function growthOfTable(samples: readonly SoakSample[], table: string): number {
  const rowsOf = (sample: SoakSample | undefined): number => sample?.tables[table]?.rows ?? 0;
  return rowsOf(samples.at(-1)) - rowsOf(samples[0]);
}

function unpurgedTables(samples: readonly SoakSample[]): string[] {
  const { last } = quartersOf(samples);
  const deleted = (table: string, sample: SoakSample | undefined): number => sample?.tables[table]?.deleted ?? 0;
  return Object.keys(PURGES).filter((table) => deleted(table, last.at(-1)) <= deleted(table, last[0]));
}

function unexpectedIn({ unexpected }: SoakSample): number {
  return Object.values(unexpected).reduce((sum, count) => sum + count, 0);
}

function countOf({ latencies }: SoakSample, kind: Kind): number {
  return latencies[kind]?.count ?? 0;
}

/** Tables that grow with {@link usersOfTheLoad}: the growth that this does not explain is a measure of its own. */
const OF_THE_LOAD = new Set(['users', 'devices']);

function withoutUsers({ tables }: SoakSample): Pick<SoakSample, 'tables'> {
  return { tables: Object.fromEntries(Object.entries(tables).filter(([name]) => !OF_THE_LOAD.has(name))) };
}

function usersOf({ tables }: SoakSample): Pick<SoakSample, 'tables'> {
  return { tables: Object.fromEntries(Object.entries(tables).filter(([name]) => OF_THE_LOAD.has(name))) };
}

function sumOf({ tables }: Pick<SoakSample, 'tables'>, read: (table: TableSample) => number): number {
  return Object.values(tables).reduce((sum, table) => sum + read(table), 0);
}

function total(samples: readonly SoakSample[], read: (sample: SoakSample) => number): number {
  return samples.reduce((sum, sample) => sum + read(sample), 0);
}
