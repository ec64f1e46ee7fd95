import { Injectable } from '@nestjs/common';
import { Prisma, PrismaService, type Transaction } from '../database/prisma.service.js';
import { purgeNextRows, type PurgeQuery } from '../jobs/purge-in-batches.js';
import type { AppliedCharge, AppliedCharges, Attempt, Charge, ChargeOutcome } from './charges.js';
import { chargeSql, cteName, isChargedSql, waitSecondsSql } from './charge-sql.js';
import { addDeviceSql, chargeDeviceSql, deviceStateSql } from './known-devices.js';
import { ACCOUNT_GUARD } from './limit-policies.js';
import { lockChargeSql, orderedCtes, refundSql } from './refund-sql.js';
import { afterSuccessSql, chargeSuccessLastSql, chargeSuccessSql } from './success-sql.js';

interface Row {
  readonly isKnown: boolean;
  readonly deviceWait: number;
  readonly deviceUsedAt: string | null;
  /** Seconds to wait for each of the charges, then for `onSuccess`. */
  readonly waits: readonly number[];
  readonly began: readonly (string | null)[];
  readonly until: readonly (string | null)[];
}

/** All that is kept of a known device and of interest to its user. */
export interface DeviceRecord {
  readonly id: string;
  readonly createdAt: Date;
  /** Its last login. */
  readonly usedAt: Date;
}

/** The commit does not wait for the disk: a crash of the database loses the counts of at most half a second. */
const COMMIT_WITHOUT_WAITING = Prisma.sql`set_config('synchronous_commit', 'off', true)`;

@Injectable()
export class RateLimitsRepository {
  constructor(private readonly prisma: PrismaService) {}

  /**
   * Reads all limits of an attempt and, where none is used up, charges it; in one statement. Each charge checks its
   * limit again under the row's lock, so that concurrent attempts cannot exceed it. Limits refill steadily (GCRA): each
   * attempt uses up its share of the window, on the database's clock.
   */
  async chargeAttempt(attempt: Attempt): Promise<ChargeOutcome> {
    const { charges, onSuccess, device } = attempt;
    const parts = charges.map((charge, index) => {
      const condition = index === 0 ? Prisma.sql`EXISTS (SELECT FROM free)` : isChargedSql(index - 1);
      return Prisma.sql`${cteName(index)} AS (${chargeSql(charge, condition)})`;
    });
    const column = (name: string) =>
      Prisma.join(charges.map((_, index) => Prisma.sql`(SELECT ${Prisma.raw(name)} FROM ${cteName(index)})`));
    const [row] = await this.prisma.queryPrepared<Row>(Prisma.sql`
      WITH asked AS MATERIALIZED (
        SELECT ${deviceStateSql(device)}, ARRAY[${Prisma.join([...charges, ...(onSuccess ? [onSuccess] : [])].map(waitSecondsSql))}] AS waits
      ), device AS (${chargeDeviceSql(device)}
      ), free AS MATERIALIZED (
        SELECT 1 FROM asked
        WHERE NOT EXISTS (SELECT FROM device) AND NOT (is_known AND device_wait > 0) AND 0 >= ALL(waits)
      ), ${Prisma.join(parts)}
      SELECT is_known AS "isKnown", device_wait AS "deviceWait", (SELECT used_at FROM device) AS "deviceUsedAt", waits,
             ARRAY[${column('began')}] AS began, ARRAY[${column('until')}] AS until, ${COMMIT_WITHOUT_WAITING}
      FROM asked`);
    if (row === undefined) throw new TypeError('The statement that charges an attempt returned no row');
    return outcomeOf(attempt, row);
  }

  /** Refunds an attempt. A charge whose row a success has reset since is not refunded again. */
  async refundCharges({ charges, deviceUsedAt }: AppliedCharges, deviceId: string | undefined): Promise<void> {
    if (deviceId !== undefined && deviceUsedAt !== undefined) {
      await this.prisma.$executeRaw`
        UPDATE devices SET failures = failures - 1
        WHERE id = ${deviceId}::uuid AND used_at = ${deviceUsedAt}::timestamptz AND failures > 0`;
    }
    if (charges.length === 0) return;
    const parts = [...orderedCtes(charges.map(lockChargeSql), Prisma.sql`FOR UPDATE`), ...charges.flatMap(refundSql)];
    await this.prisma.$queryRaw`WITH ${Prisma.join(parts)} SELECT ${COMMIT_WITHOUT_WAITING}`;
  }

  /**
   * Refunds or resets the charges of an attempt that succeeded, and charges the success. A device
   * given here is known from now on.
   * @returns whether the device is known; false where the user was deleted meanwhile
   */
  async recordSuccess(
    charges: readonly AppliedCharge[],
    onSuccess: Charge | undefined,
    device?: { readonly id: string; readonly userId: string },
  ): Promise<boolean> {
    const afterSuccess = charges.map(afterSuccessSql).filter((part) => part !== undefined);
    const parts = [
      ...orderedCtes(afterSuccess, Prisma.sql`RETURNING 1`),
      ...(onSuccess ? [chargeSuccessLastSql(afterSuccess.length, onSuccess)] : []),
      ...(device ? addDeviceSql(device) : [Prisma.sql`device AS (SELECT 1 WHERE false)`]),
    ];
    const [row] = await this.prisma.$queryRaw<{ isKnown: boolean }[]>`
      WITH ${Prisma.join(parts)} SELECT EXISTS (SELECT FROM device) AS "isKnown", ${COMMIT_WITHOUT_WAITING}`;
    return row?.isKnown === true;
  }

  /** Resets the failures of a known device and those of the account, and charges the success to the device. */
  async recordDeviceSuccess(deviceId: string, onSuccess: Charge, guardKey: Buffer): Promise<void> {
    await this.prisma.$queryRaw`
      WITH guard AS (DELETE FROM account_guards WHERE key = ${guardKey}),
      device AS (UPDATE devices SET failures = 0, used_at = clock_timestamp() WHERE id = ${deviceId}::uuid),
      counted AS (${chargeSuccessSql(onSuccess)})
      SELECT ${COMMIT_WITHOUT_WAITING}`;
  }

  /** False where there was none. */
  async deleteAccountGuard(tx: Transaction, key: Buffer): Promise<boolean> {
    const { count } = await tx.accountGuard.deleteMany({ where: { key: Uint8Array.from(key) } });
    return count > 0;
  }

  /** Deletes the user's devices but the kept one; returns how many there were. */
  async deleteDevices(tx: Transaction, userId: string, keptId: string | undefined): Promise<number> {
    const others = keptId === undefined ? {} : { id: { not: keptId } };
    const { count } = await tx.device.deleteMany({ where: { userId, ...others } });
    return count;
  }

  /** The user's known devices in the order of their first logins, after the given one. */
  listDevicesAfter(after: DeviceRecord | undefined, userId: string, size: number): Promise<DeviceRecord[]> {
    const isAfter =
      after === undefined
        ? Prisma.sql`true`
        : Prisma.sql`(d.created_at, d.id) > (${after.createdAt.toISOString()}::timestamptz, ${after.id}::uuid)`;
    return this.prisma.$queryRaw<DeviceRecord[]>`
      SELECT d.id, d.created_at AS "createdAt", d.used_at AS "usedAt" FROM devices d
      WHERE d.user_id = ${userId}::uuid AND ${isAfter} ORDER BY d.created_at, d.id LIMIT ${size}`;
  }

  /** Reads the next rows in the order of their keys, and deletes those that limit nobody any more. */
  purgeLimits(query: PurgeQuery, after: string | undefined): Promise<string | undefined> {
    return purgeNextRows(
      query,
      { table: 'rate_limits', key: 'key', type: 'bytea', isOver: Prisma.sql`full_at < now()` },
      after,
    );
  }

  /** {@link purgeLimits} of account guards. */
  purgeAccountGuards(query: PurgeQuery, after: string | undefined): Promise<string | undefined> {
    const { free, forgottenDays, fewForgottenDays } = ACCOUNT_GUARD;
    const isOver = Prisma.sql`next_at < now() - make_interval(days => CASE
      WHEN failures < ${free}::int THEN ${fewForgottenDays}::int ELSE ${forgottenDays}::int END)`;
    return purgeNextRows(query, { table: 'account_guards', key: 'key', type: 'bytea', isOver }, after);
  }
}

function outcomeOf({ charges, onSuccess, device }: Attempt, row: Row): ChargeOutcome {
  const { isKnown, deviceWait, deviceUsedAt, waits, began, until } = row;
  if (deviceUsedAt !== null) return { kind: 'admitted', applied: { charges: [], isKnownDevice: true, deviceUsedAt } };
  if (device !== undefined && isKnown && deviceWait > 0) {
    const { limit } = device.onSuccess;
    return { kind: 'refused', limit, seconds: deviceWait, retrySeconds: deviceWait, isKnownDevice: true };
  }
  const usedUpAt = waits.findIndex((wait) => wait > 0);
  const usedUp = charges[usedUpAt] ?? (usedUpAt === charges.length ? onSuccess : undefined);
  if (usedUp !== undefined) {
    const retrySeconds = Math.max(...waits);
    return { kind: 'refused', limit: usedUp.limit, seconds: waits[usedUpAt] ?? 0, retrySeconds, isKnownDevice: false };
  }
  const applied = charges.flatMap((charge, index) => {
    const rowBeganAt = began[index] ?? null;
    return rowBeganAt === null ? [] : [{ charge, rowBeganAt, blockedUntil: until[index] ?? null }];
  });
  const kind = applied.length === charges.length ? 'admitted' : 'raced';
  return { kind, applied: { charges: applied, isKnownDevice: false } };
}
