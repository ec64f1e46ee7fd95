import { Prisma } from '../database/prisma.service.js';
import type { AppliedCharge } from './charges.js';
import { cteName, secondsPerAttempt } from './charge-sql.js';

/** Selects the row of a charge, unless the row was reset since. Lacks the end of its WHERE: see {@link orderedCtes}. */
export function lockChargeSql({ charge: { limit, key }, rowBeganAt, blockedUntil }: AppliedCharge): Prisma.Sql {
  if (limit === 'account') {
    return Prisma.sql`
      SELECT key, failures - 1 AS failures,
             CASE WHEN next_at = ${blockedUntil}::timestamptz THEN now() ELSE next_at END AS next_at
      FROM account_guards WHERE key = ${key} AND began_at = ${rowBeganAt}::timestamptz`;
  }
  return Prisma.sql`
    SELECT key, full_at - make_interval(secs => ${secondsPerAttempt(limit)}::float8) AS full_at
    FROM rate_limits WHERE key = ${key} AND began_at = ${rowBeganAt}::timestamptz`;
}

/** Refunds a charge to the row that {@link lockChargeSql} locked; deletes the row where it was the only charge. */
export function refundSql({ charge: { limit } }: AppliedCharge, index: number): Prisma.Sql[] {
  const held = cteName(index);
  const names = [Prisma.raw(`emptied${index}`), Prisma.raw(`refunded${index}`)];
  if (limit === 'account') {
    return [
      Prisma.sql`${names[0]} AS (DELETE FROM account_guards g USING ${held} h WHERE g.key = h.key AND h.failures <= 0)`,
      Prisma.sql`${names[1]} AS (
        UPDATE account_guards g SET failures = h.failures, next_at = h.next_at FROM ${held} h
        WHERE g.key = h.key AND h.failures > 0)`,
    ];
  }
  return [
    Prisma.sql`${names[0]} AS (DELETE FROM rate_limits l USING ${held} h WHERE l.key = h.key AND h.full_at <= now())`,
    Prisma.sql`${names[1]} AS (
      UPDATE rate_limits l SET full_at = h.full_at FROM ${held} h WHERE l.key = h.key AND h.full_at > now())`,
  ];
}

/**
 * CTEs that run in the order of the charges, as all statements lock their rows, so that no two deadlock. Each part
 * lacks the end of its WHERE, which is added here.
 */
export function orderedCtes(parts: readonly Prisma.Sql[], ending: Prisma.Sql): Prisma.Sql[] {
  return parts.map((part, index) => {
    const after = index === 0 ? Prisma.sql`true` : Prisma.sql`(SELECT count(*) FROM ${cteName(index - 1)}) >= 0`;
    return Prisma.sql`${cteName(index)} AS MATERIALIZED (${part} AND ${after} ${ending})`;
  });
}
