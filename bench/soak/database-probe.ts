import type { Bench } from '../harness.ts';
import type { Server } from '../server-processes.ts';

/** A table at one moment. */
export interface TableSample {
  readonly rows: number;
  /** Estimated by PostgreSQL; vacuum removes them. */
  readonly deadRows: number;
  /** With its indexes. */
  readonly megabytes: number;
  /** Deleted since the start of the database. */
  readonly deleted: number;
}

export type DatabaseSample = Readonly<Record<string, TableSample>>;

/** The tables that grow without their purge, and the purge's name. */
export const PURGES: Readonly<Record<string, string>> = {
  sessions: 'purge sessions',
  revocations: 'purge revocations',
  audit_events: 'purge audit trail',
  rate_limits: 'purge limits',
  account_guards: 'purge account guards',
};

const TABLES = [...Object.keys(PURGES), 'users', 'devices'];

const TABLES_SQL = `
  SELECT relname AS name, n_dead_tup::float8 AS "deadRows", pg_total_relation_size(relid) / 1e6::float8 AS megabytes,
         n_tup_del::float8 AS deleted, count.rows
  FROM pg_stat_user_tables JOIN (${TABLES.map((table) => `SELECT '${table}' AS name, count(*)::float8 AS rows FROM ${table}`).join(' UNION ALL ')}) count
       ON count.name = relname`;

/** The table refuses changes of its rows, and so of their age. */
const ALLOW_AGEING_SQL = 'ALTER TABLE audit_events DISABLE TRIGGER audit_events_unchanged';

/**
 * Moves what is older than $1 seconds so far into the past that its purge deletes it. Of the revocations, what is so much
 * older than the newest: a node whose last read row has changed takes its database for another one.
 */
const AGEING_SQL = [
  `UPDATE sessions SET ended_at = ended_at - interval '2 days'
   WHERE ended_at BETWEEN now() - interval '1 day' AND now() - make_interval(secs => $1)`,
  `UPDATE revocations SET created_at = created_at - interval '2 hours'
   WHERE created_at BETWEEN now() - interval '1 hour' AND (SELECT max(created_at) FROM revocations) - make_interval(secs => $1)`,
  `UPDATE audit_events SET occurred_at = occurred_at - interval '91 days'
   WHERE occurred_at BETWEEN now() - interval '90 days' AND now() - make_interval(secs => $1)`,
  `UPDATE rate_limits SET full_at = full_at - interval '1 day'
   WHERE full_at > now() AND began_at < now() - make_interval(secs => $1)`,
  `UPDATE account_guards SET next_at = next_at - interval '31 days'
   WHERE next_at > now() - interval '1 day' AND began_at < now() - make_interval(secs => $1)`,
];

/** Reads the sizes of the tables, and lets rows age so that the purges have work. */
export class DatabaseProbe {
  readonly #bench: Bench;
  readonly #databaseUrl: string;
  readonly #purger: Server;

  private constructor(bench: Bench, databaseUrl: string, purger: Server) {
    this.#bench = bench;
    this.#databaseUrl = databaseUrl;
    this.#purger = purger;
  }

  /** @param purger a second node without load, whose purges are run at once instead of hourly */
  static async open(bench: Bench, databaseUrl: string, purger: Server): Promise<DatabaseProbe> {
    await bench.query(databaseUrl, ALLOW_AGEING_SQL);
    return new DatabaseProbe(bench, databaseUrl, purger);
  }

  async sample(): Promise<DatabaseSample> {
    const rows = await this.#bench.query<TableSample & { name: string }>(this.#databaseUrl, TABLES_SQL);
    return Object.fromEntries(rows.map(({ name, ...sample }) => [name, sample]));
  }

  /** @throws Error when a purge failed */
  async ageAndPurge(seconds: number): Promise<void> {
    for (const sql of AGEING_SQL) await this.#bench.query(this.#databaseUrl, sql, [seconds]);
    for (const job of Object.values(PURGES)) await this.#purger.ask('runJob', job);
    const failures = Object.entries(await this.#purger.ask<Record<string, number>>('jobFailures'));
    const failed = failures.filter(([, count]) => count > 0);
    if (failed.length > 0) throw new Error(`These jobs failed: ${JSON.stringify(failed)}`);
  }
}
