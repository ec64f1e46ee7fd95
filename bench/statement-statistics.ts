import { appendFileSync, chmodSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type pg from 'pg';
import { parseSettings } from '../dist/config/read-settings.js';
import { provideDatabase } from '../dist/database/provide-database.js';
import { openDataDirectory } from '../dist/embedded-postgres/data-directory.js';
import { openInstallation } from '../dist/embedded-postgres/installation.js';
import { runAsSystemUser } from '../dist/embedded-postgres/run-as-system-user.js';
import { withBench, type Bench } from './harness.ts';
import { parentOf, processTree, threadMilliseconds } from './process-tree.ts';

/** Pages of tables and indexes, write-ahead log and execution time of statements. */
interface StatementCosts {
  readonly hit: number;
  readonly read: number;
  readonly dirtied: number;
  readonly walBytes: number;
  readonly walRecords: number;
  readonly milliseconds: number;
}

/** What the server counted, all statements of the application together. */
export interface DatabaseCosts extends StatementCosts {
  /** Statements, `BEGIN` and `COMMIT` among them: each is one round trip. */
  readonly roundTrips: number;
  /** `BEGIN`s: transactions of several statements. */
  readonly begins: number;
  readonly transactions: number;
  /** CPU time of all processes of the server, also for what is no statement: protocol, commit, WAL. */
  readonly cpuMilliseconds: number;
  readonly fsyncs: number;
}

interface StatementRow extends StatementCosts {
  readonly id: string;
  readonly text: string;
  readonly calls: number;
}

interface Snapshot {
  readonly statements: ReadonlyMap<string, StatementRow>;
  readonly transactions: number;
  readonly fsyncs: number;
}

const STATEMENTS_SQL = `
  SELECT queryid::text AS id, min(query) AS text, sum(calls)::float8 AS calls, sum(shared_blks_hit)::float8 AS hit,
         sum(shared_blks_read)::float8 AS read, sum(shared_blks_dirtied)::float8 AS dirtied, sum(wal_bytes)::float8 AS "walBytes",
         sum(wal_records)::float8 AS "walRecords", sum(total_exec_time)::float8 AS milliseconds
  FROM pg_stat_statements WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database()) GROUP BY queryid`;

/** A backend reports its transactions and its writes late, but always when it ends. */
const END_CONNECTIONS_SQL = `
  SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
  WHERE application_name = 'gatehouse' AND datname = current_database()`;

const SERVER_SQL = `SELECT pid FROM pg_stat_activity WHERE backend_type = 'checkpointer'`;

const COUNTERS_SQL = `
  SELECT (SELECT xact_commit + xact_rollback FROM pg_stat_database WHERE datname = current_database())::float8 AS transactions,
         (SELECT sum(fsyncs) FROM pg_stat_io WHERE object = 'wal' AND backend_type = 'client backend')::float8 AS fsyncs`;

/**
 * Time in which the pool notices that its connections have ended, and the connection of the change feed, which is busy
 * every half second, reports its transactions: PostgreSQL does that once a second.
 */
const SETTLE_MILLISECONDS = 1600;

/** As {@link withBench}, on a PostgreSQL that counts by statement (`pg_stat_statements`). */
export async function withStatementStatistics<Made>(work: (bench: Bench) => Promise<Made>): Promise<Made> {
  const folder = mkdtempSync(join(tmpdir(), 'gatehouse-bench-'));
  chmodSync(folder, 0o711);
  try {
    await (await provideDatabase(parseSettings({ DATA_DIR: folder }), 'script')).stop();
    await addStatementStatistics(folder, 'template1');
    return await withBench(work, { dataDirectory: folder });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Lets the stopped server of this data directory count by statement, for a database and those copied from it. */
export async function addStatementStatistics(folder: string, database: string): Promise<void> {
  const { directory, binaries, user } = await openInstallation(await openDataDirectory(folder));
  const settings = join(directory.cluster, 'postgresql.conf');
  const line = "shared_preload_libraries = 'pg_stat_statements'\n";
  if (!readFileSync(settings, 'utf8').includes(line)) appendFileSync(settings, line);
  // Only a superuser may, and only the single-user mode lets one in without a password.
  await runAsSystemUser(user, binaries.postgres, ['--single', '-D', directory.cluster, database], {
    input: 'CREATE EXTENSION IF NOT EXISTS pg_stat_statements\n',
  });
}

/** What all executions of a statement cost so far. */
export interface StatementTotals {
  readonly text: string;
  readonly calls: number;
  /** Pages of tables and indexes that were read, from memory or from disk. */
  readonly buffers: number;
  readonly milliseconds: number;
}

/** What the statements cost that were executed during the work, those of background jobs included. */
export async function statementsOf(
  bench: Bench,
  databaseUrl: string,
  work: () => Promise<void>,
): Promise<StatementTotals[]> {
  const snapshot = async (): Promise<Map<string, StatementRow>> =>
    new Map((await bench.query<StatementRow>(databaseUrl, STATEMENTS_SQL)).map((row) => [row.id, row]));
  const before = await snapshot();
  await work();
  return [...(await snapshot()).values()]
    .map((row) => difference(row, before.get(row.id)))
    .filter(({ calls }) => calls > 0)
    .map(({ text, calls, hit, read, milliseconds }) => ({ text, calls, buffers: hit + read, milliseconds }));
}

/** Reads what the server has counted for one database, apart from what an idle node costs it. */
export class StatementStatistics {
  readonly #query: <Row extends pg.QueryResultRow>(sql: string) => Promise<Row[]>;
  readonly #background: ReadonlySet<string>;

  private constructor(bench: Bench, databaseUrl: string, background: ReadonlySet<string>) {
    this.#query = (sql) => bench.query(databaseUrl, sql);
    this.#background = background;
  }

  /** Call it while the node is idle: the statements of the next seconds are those of its background jobs. */
  static async open(bench: Bench, databaseUrl: string): Promise<StatementStatistics> {
    const statistics = new StatementStatistics(bench, databaseUrl, new Set());
    const before = await statistics.#snapshot();
    await pause(3000);
    const after = await statistics.#snapshot();
    const background = [...after.statements.values()].filter(
      ({ id, calls }) => calls > (before.statements.get(id)?.calls ?? 0),
    );
    const shared = background.find(({ text }) => /^(?:BEGIN|COMMIT)/i.test(text));
    if (shared !== undefined) throw new Error(`An idle node runs ${shared.text}: it cannot be told from a request's.`);
    return new StatementStatistics(bench, databaseUrl, new Set(background.map(({ id }) => id)));
  }

  /** What each piece of work costs the database, one after the other. */
  async costsOf(works: readonly (() => Promise<void>)[]): Promise<DatabaseCosts[]> {
    const costs: DatabaseCosts[] = [];
    let before = await this.#snapshot();
    for (const work of works) {
      const cpuBefore = await this.#cpuMilliseconds();
      await work();
      // Before the snapshot, which ends the connections and with them what their processes used.
      const cpuMilliseconds = (await this.#cpuMilliseconds()) - cpuBefore;
      const after = await this.#snapshot();
      costs.push({ ...this.#costsBetween(before, after), cpuMilliseconds });
      before = after;
    }
    return costs;
  }

  async #cpuMilliseconds(): Promise<number> {
    const [checkpointer] = await this.#query<{ pid: number }>(SERVER_SQL);
    const { named, others } = threadMilliseconds(processTree(parentOf(checkpointer?.pid ?? 0)), '');
    return named + others;
  }

  #costsBetween(before: Snapshot, after: Snapshot): Omit<DatabaseCosts, 'cpuMilliseconds'> {
    const rows = [...after.statements.values()].map((row) => difference(row, before.statements.get(row.id)));
    const own = rows.filter(({ id }) => !this.#background.has(id));
    const sum = (member: keyof Omit<StatementRow, 'id' | 'text'>, of = own): number =>
      of.reduce((total, row) => total + row[member], 0);
    const inBackground = sum(
      'calls',
      rows.filter(({ id }) => this.#background.has(id)),
    );
    return {
      roundTrips: sum('calls'),
      begins: sum(
        'calls',
        own.filter(({ text }) => /^BEGIN/i.test(text)),
      ),
      transactions: after.transactions - before.transactions - inBackground,
      hit: sum('hit'),
      read: sum('read'),
      dirtied: sum('dirtied'),
      walBytes: sum('walBytes'),
      walRecords: sum('walRecords'),
      milliseconds: sum('milliseconds'),
      fsyncs: after.fsyncs - before.fsyncs,
    };
  }

  async #snapshot(): Promise<Snapshot> {
    await this.#query(END_CONNECTIONS_SQL);
    await pause(SETTLE_MILLISECONDS);
    const [counters] = await this.#query<{ transactions: number; fsyncs: number }>(COUNTERS_SQL);
    const rows = await this.#query<StatementRow>(STATEMENTS_SQL);
    const { transactions = 0, fsyncs = 0 } = counters ?? {};
    return { statements: new Map(rows.map((row) => [row.id, row])), transactions, fsyncs };
  }
}

function difference(row: StatementRow, before: StatementRow | undefined): StatementRow {
  if (before === undefined) return row;
  return {
    id: row.id,
    text: row.text,
    calls: row.calls - before.calls,
    hit: row.hit - before.hit,
    read: row.read - before.read,
    dirtied: row.dirtied - before.dirtied,
    walBytes: row.walBytes - before.walBytes,
    walRecords: row.walRecords - before.walRecords,
    milliseconds: row.milliseconds - before.milliseconds,
  };
}
