import { Prisma } from '../database/prisma.service.js';
import type { PresentedDevice } from './charges.js';
import { waitSecondsSql } from './charge-sql.js';

/** Known devices of one user: those used last. */
export const MAX_DEVICES = 10;

/** Wrong passwords in a row before a device counts as unknown. */
export const MAX_DEVICE_FAILURES = 10;

/** Whether the device is known, and how many seconds it has to wait. */
export function deviceStateSql(device: PresentedDevice | undefined): Prisma.Sql {
  if (device === undefined) return Prisma.sql`false AS is_known, 0::float8 AS device_wait`;
  return Prisma.sql`
    EXISTS (
      SELECT FROM devices d JOIN users u ON u.id = d.user_id
      WHERE d.id = ${device.id}::uuid AND d.failures < ${MAX_DEVICE_FAILURES}::int AND u.email_lower = ${device.email}
    ) AS is_known,
    ${waitSecondsSql(device.onSuccess)} AS device_wait`;
}

/** Charges a failure to a known device that does not have to wait. */
export function chargeDeviceSql(device: PresentedDevice | undefined): Prisma.Sql {
  if (device === undefined) return Prisma.sql`SELECT NULL::text AS used_at WHERE false`;
  return Prisma.sql`
    UPDATE devices d SET failures = d.failures + 1 FROM asked
    WHERE d.id = ${device.id}::uuid AND asked.is_known AND asked.device_wait <= 0 AND d.failures < ${MAX_DEVICE_FAILURES}::int
    RETURNING d.used_at::text AS used_at`;
}

/**
 * Inserts a known device, and deletes the user's least recently used one beyond {@link MAX_DEVICES}. Finds it by an array:
 * for an `IN (SELECT …)` whose number of rows is a guess, the planner may read the whole table.
 */
export function addDeviceSql({ id, userId }: { readonly id: string; readonly userId: string }): Prisma.Sql[] {
  return [
    Prisma.sql`device AS (
      INSERT INTO devices (id, user_id)
      SELECT ${id}::uuid, u.id FROM users u WHERE u.id = ${userId}::uuid FOR KEY SHARE
      RETURNING 1)`,
    Prisma.sql`surplus AS (
      DELETE FROM devices WHERE id = ANY(ARRAY(
        SELECT id FROM devices WHERE user_id = ${userId}::uuid ORDER BY used_at DESC, created_at DESC, id DESC
        OFFSET ${MAX_DEVICES - 1})))`,
  ];
}
