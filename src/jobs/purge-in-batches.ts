import { Prisma } from '../database/prisma.service.js';
import type { DatabaseConfig } from '../config/config.js';
import { directTarget } from '../database/connection-string.js';
import { DedicatedConnection } from '../database/dedicated-connection.js';

const ROWS_PER_BATCH = 1000;

/** Runs one statement on the purge's connection. */
export type PurgeQuery = <Row extends object>(sql: Prisma.Sql) => Promise<Row[]>;

/** The table to purge, and the condition of the rows to delete. */
export interface PurgedTable {
  readonly table: string;
  /** The primary key. */
  readonly key: string;
  readonly type: 'bytea' | 'uuid' | 'bigint';
  /** SQL condition on the table's columns: whether a row may be deleted. */
  readonly isOver: Prisma.Sql;
  /** Whether the key follows the rows' age, so that the purge is complete at the first row that may not be deleted. */
  readonly isByAge?: boolean;
}

/**
 * Reads the next thousand rows in the order of their key, and deletes those that may be deleted. Waits for no lock:
 * skips locked rows. Finds the rows by the index and deletes them by their position (ctid), so that the cost of a row
 * does not depend on the table's size.
 * @returns the last key read, for the next call; undefined when the purge is complete
 */
export async function purgeNextRows(
  query: PurgeQuery,
  { table, key, type, isOver, isByAge = false }: PurgedTable,
  after: string | undefined,
): Promise<string | undefined> {
  const [rows, column, kind] = [Prisma.raw(table), Prisma.raw(key), Prisma.raw(type)];
  const isAfter = after === undefined ? Prisma.sql`true` : Prisma.sql`${column} > ${after}::${kind}`;
  const [last] = await query<{ lastKey: string; isOver: boolean }>(Prisma.sql`
    SELECT ${column}::text AS "lastKey", coalesce(${isOver}, false) AS "isOver" FROM ${rows}
    WHERE ${isAfter} ORDER BY ${column} OFFSET ${ROWS_PER_BATCH - 1} LIMIT 1`);
  const isWithin = last === undefined ? Prisma.sql`true` : Prisma.sql`${column} <= ${last.lastKey}::${kind}`;
  // ORDER BY makes the index usable also where the key has no bound.
  await query(Prisma.sql`
    DELETE FROM ${rows} WHERE ctid = ANY(ARRAY(
      SELECT ctid FROM ${rows} WHERE ${isAfter} AND ${isWithin} AND ${isOver} ORDER BY ${column} FOR UPDATE SKIP LOCKED))`);
  return isByAge && last?.isOver === false ? undefined : last?.lastKey;
}

/**
 * One batch of a purge, for the rows after this key. Returns the key to continue from;
 * undefined when the purge is complete.
 */
export type PurgeStep = (query: PurgeQuery, after: string | undefined) => Promise<string | undefined>;

/**
 * Time-out of each statement. No request waits for a purge, and after a large one the index is full of
 * deleted rows until vacuum has run.
 */
const STATEMENT_TIMEOUT_MS = 60_000;
/** A node that is idle for this long, or whose machine has failed, loses the lock to other nodes. */
const LOCK_IDLE_TIMEOUT_MS = 10_000;
/** Interval of the queries that keep the lock's transaction from being idle while a step runs. */
export const LOCK_HEARTBEAT_INTERVAL_MS = 2000;

/** Limited to the transaction: behind a pooler, even an undeclared one, the next client gets this connection. */
export const TAKE_LOCK = `
  SELECT set_config('idle_in_transaction_session_timeout', '${LOCK_IDLE_TIMEOUT_MS}', true), pg_try_advisory_xact_lock($1::bigint) AS taken`;

/** Forces an index scan: the planner reads a whole table that it takes for small, and a bitmap scan loses the order. */
const FORCE_INDEX_SCAN = `
  SELECT set_config('enable_seqscan', 'off', true), set_config('enable_bitmapscan', 'off', true)`;

interface Purge {
  readonly lock: number;
  readonly step: PurgeStep;
  /** Interrupts the purge, also within a statement, each of which is applied completely or not at all. */
  readonly signal: AbortSignal;
}

/**
 * Runs the steps until the purge is complete, each in a transaction of its own. A transaction on a second connection
 * holds the lock meanwhile, so that only one node runs this purge. A node that has lost the lock stops. Does nothing
 * while another node holds it.
 */
export async function purgeUnderLock(config: DatabaseConfig, { lock, step, signal }: Purge): Promise<void> {
  const target = directTarget(config);
  const openConnection = (name: string): Promise<DedicatedConnection> =>
    DedicatedConnection.open({ target, name, timeoutMs: STATEMENT_TIMEOUT_MS, signal });
  const holder = await openConnection('gatehouse purge lock');
  try {
    // A stricter level's snapshot would keep vacuum from removing any deleted row.
    await holder.query('BEGIN ISOLATION LEVEL READ COMMITTED');
    const [row] = await holder.query<{ taken: boolean }>(TAKE_LOCK, [lock]);
    if (row?.taken !== true) return;
    const heartbeat = setInterval(
      () => void holder.query('SELECT 1').catch(() => undefined),
      LOCK_HEARTBEAT_INTERVAL_MS,
    );
    try {
      await runSteps(step, holder, await openConnection('gatehouse purge'));
    } finally {
      clearInterval(heartbeat);
    }
    await holder.query('COMMIT');
  } finally {
    holder.close();
  }
}

async function runSteps(step: PurgeStep, holder: DedicatedConnection, connection: DedicatedConnection): Promise<void> {
  holder.closed.addEventListener('abort', () => connection.close());
  try {
    let after: string | undefined;
    do {
      await holder.query('SELECT 1');
      await connection.query('BEGIN ISOLATION LEVEL READ COMMITTED');
      await connection.query(FORCE_INDEX_SCAN);
      after = await step((sql) => connection.query(sql.text, sql.values), after);
      await connection.query('COMMIT');
    } while (after !== undefined);
  } finally {
    connection.close();
  }
}
