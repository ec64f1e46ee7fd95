import { Prisma } from '../database/prisma.service.js';
import type { TakenCharge } from './attempts.js';
import { cteName, shareOf } from './charge.js';
import { MOST_DEVICES } from './limit-policies.js';

/** In the order in which charges are taken, so that no two statements wait for each other. Each lacks the end of its WHERE. */
export function asOrderedCtes(parts: readonly Prisma.Sql[], ending: Prisma.Sql): Prisma.Sql[] {
  return parts.map((part, index) => {
    const after = index === 0 ? Prisma.sql`true` : Prisma.sql`(SELECT count(*) FROM ${cteName(index - 1)}) >= 0`;
    return Prisma.sql`${cteName(index)} AS MATERIALIZED (${part} AND ${after} ${ending})`;
  });
}

/** What a success makes of a charge; without the end of its WHERE. */
export function settleCharge({ charge: { limit, key, afterSuccess } }: TakenCharge): Prisma.Sql | undefined {
  if (afterSuccess === 'stays') return undefined;
  if (limit === 'account') return Prisma.sql`DELETE FROM account_guards WHERE key = ${key}`;
  if (afterSuccess === 'resets the count') return Prisma.sql`DELETE FROM rate_limits WHERE key = ${key}`;
  return Prisma.sql`
    UPDATE rate_limits SET full_at = full_at - make_interval(secs => ${shareOf(limit)}::float8) WHERE key = ${key}`;
}

/** Holds the row of a charge, unless it was reset since; without the end of its WHERE. */
export function lockCharge({ charge: { limit, key }, began, until }: TakenCharge): Prisma.Sql {
  if (limit === 'account') {
    return Prisma.sql`
      SELECT key, failures - 1 AS failures,
             CASE WHEN next_at = ${until}::timestamptz THEN now() ELSE next_at END AS next_at
      FROM account_guards WHERE key = ${key} AND began_at = ${began}::timestamptz`;
  }
  return Prisma.sql`
    SELECT key, full_at - make_interval(secs => ${shareOf(limit)}::float8) AS full_at
    FROM rate_limits WHERE key = ${key} AND began_at = ${began}::timestamptz`;
}

/** Takes a charge back from the row that {@link lockCharge} holds; where it was the only one, no row is left. */
export function refund({ charge: { limit } }: TakenCharge, index: number): Prisma.Sql[] {
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

/** Makes the device known, and forgets the one of too many that was used longest ago. */
export function addDevice({ id, userId }: { readonly id: string; readonly userId: string }): Prisma.Sql[] {
  return [
    Prisma.sql`device AS (
      INSERT INTO devices (id, user_id)
      SELECT ${id}::uuid, u.id FROM users u WHERE u.id = ${userId}::uuid FOR KEY SHARE
      RETURNING 1)`,
    Prisma.sql`surplus AS (
      DELETE FROM devices WHERE id IN (
        SELECT id FROM devices WHERE user_id = ${userId}::uuid ORDER BY used_at DESC, created_at DESC, id DESC
        OFFSET ${MOST_DEVICES - 1}))`,
  ];
}
