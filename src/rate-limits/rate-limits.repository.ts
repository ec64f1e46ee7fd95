import { Injectable } from '@nestjs/common';
import { Prisma, PrismaService, type Transaction } from '../database/prisma.service.js';
import { purgeNextRows, type PurgeQuery } from '../jobs/purge-batch.js';
import type { Attempt, Charge, Outcome, Taken, TakenCharge } from './attempts.js';
import { chargeSuccess, selectDevice, isCharged, cteName, chargeLimit, chargeDevice, waitOf } from './charge.js';
import { ACCOUNT_GUARD } from './limit-policies.js';
import { addDevice, lockCharge, asOrderedCtes, refund, settleCharge } from './refund.js';

interface Row {
  readonly isKnown: boolean;
  readonly deviceWait: number;
  readonly deviceUsedAt: string | null;
  /** Of the charges and of what a success is charged. */
  readonly waits: readonly number[];
  readonly began: readonly (string | null)[];
  readonly until: readonly (string | null)[];
}

/** What is left is written by the next checkpoint and not by each attempt: a crash forgets half a second of counting. */
const UNHURRIED = Prisma.sql`set_config('synchronous_commit', 'off', true)`;

@Injectable()
export class RateLimitsRepository {
  constructor(private readonly prisma: PrismaService) {}

  /**
   * Reads all limits of an attempt and, where none is used up, charges it before it is looked at; in one statement. Each charge
   * looks again: of any number at once no more pass than may. Limits refill steadily (GCRA): each attempt uses up its share of
   * the window, on the database's clock.
   */
  async consume(attempt: Attempt): Promise<Outcome> {
    const { charges, onSuccess, device } = attempt;
    const parts = charges.map((charge, index) => {
      const condition = index === 0 ? Prisma.sql`EXISTS (SELECT FROM free)` : isCharged(index - 1);
      return Prisma.sql`${cteName(index)} AS (${chargeLimit(charge, condition)})`;
    });
    const column = (name: string) =>
      Prisma.join(charges.map((_, index) => Prisma.sql`(SELECT ${Prisma.raw(name)} FROM ${cteName(index)})`));
    const [row] = await this.prisma.$queryRaw<Row[]>`
      WITH asked AS MATERIALIZED (
        SELECT ${selectDevice(device)}, ARRAY[${Prisma.join([...charges, ...(onSuccess ? [onSuccess] : [])].map(waitOf))}] AS waits
      ), device AS (${chargeDevice(device)}
      ), free AS MATERIALIZED (
        SELECT 1 FROM asked
        WHERE NOT EXISTS (SELECT FROM device) AND NOT (is_known AND device_wait > 0) AND 0 >= ALL(waits)
      ), ${Prisma.join(parts)}
      SELECT is_known AS "isKnown", device_wait AS "deviceWait", (SELECT used_at FROM device) AS "deviceUsedAt", waits,
             ARRAY[${column('began')}] AS began, ARRAY[${column('until')}] AS until, ${UNHURRIED}
      FROM asked`;
    if (row === undefined) throw new TypeError('the limits answered nothing');
    return outcomeOf(attempt, row);
  }

  /** An attempt that was not looked at after all. What a success has reset since is not taken back again. */
  async refund({ charges, deviceUsedAt }: Taken, deviceId: string | undefined): Promise<void> {
    if (deviceId !== undefined && deviceUsedAt !== undefined) {
      await this.prisma.$executeRaw`
        UPDATE devices SET failures = failures - 1
        WHERE id = ${deviceId}::uuid AND used_at = ${deviceUsedAt}::timestamptz AND failures > 0`;
    }
    if (charges.length === 0) return;
    const parts = [...asOrderedCtes(charges.map(lockCharge), Prisma.sql`FOR UPDATE`), ...charges.flatMap(refund)];
    await this.prisma.$queryRaw`WITH ${Prisma.join(parts)} SELECT ${UNHURRIED}`;
  }

  /**
   * A right password: nothing was an attempt at guessing. A device that was not known is known from now on, by this id.
   * @returns false where that user is gone
   */
  async settle(
    charges: readonly TakenCharge[],
    onSuccess: Charge | undefined,
    device?: { readonly id: string; readonly userId: string },
  ): Promise<boolean> {
    const settled = charges.map(settleCharge).filter((part) => part !== undefined);
    const parts = [
      ...asOrderedCtes(settled, Prisma.sql`RETURNING 1`),
      ...(onSuccess ? [countedAfter(settled.length, onSuccess)] : []),
      ...(device ? addDevice(device) : [Prisma.sql`device AS (SELECT 1 WHERE false)`]),
    ];
    const [row] = await this.prisma.$queryRaw<{ isKnown: boolean }[]>`
      WITH ${Prisma.join(parts)} SELECT EXISTS (SELECT FROM device) AS "isKnown", ${UNHURRIED}`;
    return row?.isKnown === true;
  }

  /** A right password from a known device. What strangers tried before is forgotten. */
  async settleDevice(deviceId: string, onSuccess: Charge, guardKey: Buffer): Promise<void> {
    await this.prisma.$queryRaw`
      WITH guard AS (DELETE FROM account_guards WHERE key = ${guardKey}),
      device AS (UPDATE devices SET failures = 0, used_at = clock_timestamp() WHERE id = ${deviceId}::uuid),
      counted AS (${chargeSuccess(onSuccess)})
      SELECT ${UNHURRIED}`;
  }

  /** False where there was none. */
  async deleteGuard(tx: Transaction, key: Buffer): Promise<boolean> {
    const { count } = await tx.accountGuard.deleteMany({ where: { key: Uint8Array.from(key) } });
    return count > 0;
  }

  /** Deletes the user's devices but the kept one; returns how many there were. */
  async deleteDevices(tx: Transaction, userId: string, keptId: string | undefined): Promise<number> {
    const others = keptId === undefined ? {} : { id: { not: keptId } };
    const { count } = await tx.device.deleteMany({ where: { userId, ...others } });
    return count;
  }

  /** Looks at the next counts in the order of their keys, and deletes those that limit nobody any more. */
  purgeLimits(query: PurgeQuery, after: string | undefined): Promise<string | undefined> {
    return purgeNextRows(
      query,
      { table: 'rate_limits', key: 'key', type: 'bytea', isOver: Prisma.sql`full_at < now()` },
      after,
    );
  }

  /** The same of account guards. */
  purgeGuards(query: PurgeQuery, after: string | undefined): Promise<string | undefined> {
    const { free, forgottenDays, fewForgottenDays } = ACCOUNT_GUARD;
    const isOver = Prisma.sql`next_at < now() - make_interval(days => CASE
      WHEN failures < ${free}::int THEN ${fewForgottenDays}::int ELSE ${forgottenDays}::int END)`;
    return purgeNextRows(query, { table: 'account_guards', key: 'key', type: 'bytea', isOver }, after);
  }
}

/** Last, so that it is held for the shortest time. */
function countedAfter(parts: number, charge: Charge): Prisma.Sql {
  const after = parts === 0 ? Prisma.sql`true` : Prisma.sql`(SELECT count(*) FROM ${cteName(parts - 1)}) >= 0`;
  return Prisma.sql`counted AS (${chargeSuccess(charge, after)})`;
}

function outcomeOf({ charges, onSuccess, device }: Attempt, row: Row): Outcome {
  const { isKnown, deviceWait, deviceUsedAt, waits, began, until } = row;
  if (deviceUsedAt !== null) return { kind: 'admitted', taken: { charges: [], isKnownDevice: true, deviceUsedAt } };
  if (device !== undefined && isKnown && deviceWait > 0) {
    const { limit } = device.onSuccess;
    return { kind: 'refused', limit, seconds: deviceWait, retrySeconds: deviceWait, isKnownDevice: true };
  }
  const at = waits.findIndex((wait) => wait > 0);
  const used = charges[at] ?? (at === charges.length ? onSuccess : undefined);
  if (used !== undefined) {
    const retrySeconds = Math.max(...waits);
    return { kind: 'refused', limit: used.limit, seconds: waits[at] ?? 0, retrySeconds, isKnownDevice: false };
  }
  const taken = charges.flatMap((charge, index) => {
    const since = began[index] ?? null;
    return since === null ? [] : [{ charge, began: since, until: until[index] ?? null }];
  });
  return {
    kind: taken.length === charges.length ? 'admitted' : 'raced',
    taken: { charges: taken, isKnownDevice: false },
  };
}
