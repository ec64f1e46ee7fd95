import { Prisma } from '../database/prisma.service.js';

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
