import { Prisma, type Transaction } from './prisma.service.js';

const BATCH = 1000;

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
export async function purgeBatch(
  tx: Transaction,
  { table, key, type, isOver, isByAge = false }: PurgedTable,
  after: string | undefined,
): Promise<string | undefined> {
  // Without it the planner reads the whole table where it takes the table for small.
  await tx.$executeRaw`SELECT set_config('enable_seqscan', 'off', true)`;
  const [rows, column, kind] = [Prisma.raw(table), Prisma.raw(key), Prisma.raw(type)];
  const isAfter = after === undefined ? Prisma.sql`true` : Prisma.sql`${column} > ${after}::${kind}`;
  const [last] = await tx.$queryRaw<{ lastKey: string; isOver: boolean }[]>`
    SELECT ${column}::text AS "lastKey", coalesce(${isOver}, false) AS "isOver" FROM ${rows}
    WHERE ${isAfter} ORDER BY ${column} OFFSET ${BATCH - 1} LIMIT 1`;
  const isWithin = last === undefined ? Prisma.sql`true` : Prisma.sql`${column} <= ${last.lastKey}::${kind}`;
  await tx.$executeRaw`
    DELETE FROM ${rows} WHERE ctid = ANY(ARRAY(
      SELECT ctid FROM ${rows} WHERE ${isAfter} AND ${isWithin} AND ${isOver} FOR UPDATE SKIP LOCKED))`;
  return isByAge && last?.isOver === false ? undefined : last?.lastKey;
}
