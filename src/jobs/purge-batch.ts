import { Prisma } from '../database/prisma.service.js';

const ROWS_PER_BATCH = 1000;

/** Runs one statement, which is a transaction of its own, on the connection of a purge. */
export type PurgeQuery = <Row extends object>(sql: Prisma.Sql) => Promise<Row[]>;

/** What a job deletes, and in which order it looks. */
export interface PurgedTable {
  readonly table: string;
  /** The primary key. */
  readonly key: string;
  readonly type: 'bytea' | 'uuid' | 'bigint';
  /** Whether a row may go; of columns of the table. */
  readonly isOver: Prisma.Sql;
  /** The table is in the order of age, so that what follows a row that may not go may not go either. */
  readonly isByAge?: boolean;
}

/**
 * Looks at the next thousand rows in the order of their key and deletes those that may go. It waits for no lock. The rows are found
 * by the index and deleted by their place: whatever the size of the table, a row costs the same.
 * @returns the last key it looked at, for the next call; undefined when there is nothing more to do
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
  // Sorted, since without any bound of the key there would be no way by the index.
  await query(Prisma.sql`
    DELETE FROM ${rows} WHERE ctid = ANY(ARRAY(
      SELECT ctid FROM ${rows} WHERE ${isAfter} AND ${isWithin} AND ${isOver} ORDER BY ${column} FOR UPDATE SKIP LOCKED))`);
  return isByAge && last?.isOver === false ? undefined : last?.lastKey;
}
