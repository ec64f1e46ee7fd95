import { Prisma } from '../database/prisma.service.js';
import type { Charge } from './bill.js';
import { linkName } from './charging.js';
import { MOST_DEVICES } from './limit-policies.js';

/** Without the end of its WHERE. */
export function returnLink({ policy: { quota, seconds }, key }: Charge, isForgotten: boolean): Prisma.Sql {
  if (isForgotten) return Prisma.sql`DELETE FROM rate_limits WHERE key = ${key}`;
  return Prisma.sql`
    UPDATE rate_limits SET full_at = full_at - make_interval(secs => ${seconds / quota}::float8) WHERE key = ${key}`;
}

/** In the order in which they are taken, so that no two statements wait for each other. Each lacks the end of its WHERE. */
export function inTurn(links: readonly Prisma.Sql[]): Prisma.Sql[] {
  return links.map((link, index) => {
    const after = index === 0 ? Prisma.sql`true` : Prisma.sql`(SELECT count(*) FROM ${linkName(index - 1)}) >= 0`;
    return Prisma.sql`${linkName(index)} AS (${link} AND ${after} RETURNING 1)`;
  });
}

/** Makes the device known, and forgets the oldest of too many. */
export function newDevice(device: { readonly id: string; readonly userId: string } | undefined): Prisma.Sql[] {
  if (device === undefined) return [Prisma.sql`device AS (SELECT 1 WHERE false)`];
  const { id, userId } = device;
  return [
    Prisma.sql`device AS (
      INSERT INTO devices (id, user_id)
      SELECT ${id}::uuid, u.id FROM users u WHERE u.id = ${userId}::uuid FOR KEY SHARE
      RETURNING 1)`,
    Prisma.sql`surplus AS (
      DELETE FROM devices WHERE id IN (
        SELECT id FROM devices WHERE user_id = ${userId}::uuid ORDER BY created_at DESC, id DESC
        OFFSET ${MOST_DEVICES - 1}))`,
  ];
}
