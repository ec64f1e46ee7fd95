import { Injectable } from '@nestjs/common';
import { Prisma, PrismaService, type Transaction } from '../database/prisma.service.js';
import { firstOf, inOrder, type Bill, type Guard, type Verdict } from './bill.js';
import { chargeLink, guardLink, knownDevice, linkName, taken, type Link } from './charging.js';
import { inTurn, newDevice, returnLink } from './giving-back.js';
import { ACCOUNT_GUARD, type LimitPolicy } from './limit-policies.js';

const PURGE_BATCH = 1000;

interface Row {
  readonly isKnown: boolean;
  readonly taken: readonly boolean[];
  /** Seconds until nothing of each limit is used up, or until the guard lets the next one pass, as it was before. */
  readonly waits: readonly (number | null)[];
}

/** What is left is written by the next checkpoint and not by each attempt: a crash forgets half a second of counting. */
const UNHURRIED = Prisma.sql`set_config('synchronous_commit', 'off', true)`;

@Injectable()
export class LimitsRepository {
  constructor(private readonly prisma: PrismaService) {}

  /**
   * Counts an attempt before it is looked at, in one statement: of any number at once no more pass than may. Limits refill
   * steadily (GCRA): each attempt uses up its share of the window, on the database's clock.
   */
  async take(bill: Bill): Promise<Verdict> {
    const links = inOrder<Link>(bill, chargeLink, guardLink);
    const parts = links.map((link, index) => {
      const condition = index === 0 ? Prisma.sql`NOT EXISTS (SELECT FROM known)` : taken(index - 1);
      return Prisma.sql`${linkName(index)} AS (${link.take(condition)})`;
    });
    const [row] = await this.prisma.$queryRaw<Row[]>`
      WITH known AS (${knownDevice(bill.device)}), ${Prisma.join(parts)}
      SELECT EXISTS (SELECT FROM known) AS "isKnown",
             ARRAY[${Prisma.join(links.map((_, index) => taken(index)))}] AS taken,
             ARRAY[${Prisma.join(links.map(({ wait }) => wait))}]::float8[] AS waits,
             ${UNHURRIED}`;
    if (row === undefined) throw new TypeError('the limits answered nothing');
    const { isKnown, taken: passed, waits } = row;
    const refused = isKnown ? undefined : links[passed.indexOf(false)];
    if (refused === undefined) return { isKnownDevice: isKnown, charged: bill };
    const at = links.indexOf(refused);
    return { isKnownDevice: false, charged: firstOf(bill, at), refusal: refused.refusal(waits[at] ?? null) };
  }

  /**
   * A right password from a device that was not known: nothing was an attempt at guessing. It is known from now on, by this id;
   * false when there is no such user any more.
   */
  async forgive(
    bill: Bill,
    forgotten: readonly LimitPolicy[],
    device?: { readonly id: string; readonly userId: string },
  ): Promise<boolean> {
    const links = inOrder(
      bill,
      (charge) => returnLink(charge, forgotten.includes(charge.policy)),
      ({ key }) => Prisma.sql`DELETE FROM account_guards WHERE key = ${key}`,
    );
    const parts = [...inTurn(links), ...newDevice(device)];
    const [row] = await this.prisma.$queryRaw<{ isKnown: boolean }[]>`
      WITH ${Prisma.join(parts)} SELECT EXISTS (SELECT FROM device) AS "isKnown", ${UNHURRIED}`;
    return row?.isKnown === true;
  }

  /** An attempt that was not looked at after all. */
  async withdraw(bill: Bill, isKnownDevice: boolean): Promise<void> {
    const { device } = bill;
    if (isKnownDevice && device) {
      await this.prisma.$executeRaw`UPDATE devices SET failures = failures - 1 WHERE id = ${device.id}::uuid`;
      return;
    }
    const links = inOrder(
      bill,
      (charge) => returnLink(charge, false),
      ({ key }) => Prisma.sql`UPDATE account_guards SET failures = failures - 1, next_at = now() WHERE key = ${key}`,
    );
    if (links.length === 0) return;
    await this.prisma.$queryRaw`WITH ${Prisma.join(inTurn(links))} SELECT ${UNHURRIED}`;
  }

  /** A right password from a known device. */
  async forgiveDevice(deviceId: string, guard: Guard): Promise<void> {
    await this.prisma.$queryRaw`
      WITH guard AS (DELETE FROM account_guards WHERE key = ${guard.key}),
      device AS (UPDATE devices SET failures = 0 WHERE id = ${deviceId}::uuid)
      SELECT ${UNHURRIED}`;
  }

  async deleteGuard(tx: Transaction, { key }: Guard): Promise<void> {
    await tx.accountGuard.deleteMany({ where: { key: Uint8Array.from(key) } });
  }

  async deleteDevices(tx: Transaction, userId: string): Promise<void> {
    await tx.device.deleteMany({ where: { userId } });
  }

  /** Deletes a batch of what limits nobody any more; true when there may be more. */
  async purge(tx: Transaction): Promise<boolean> {
    const limits = await tx.$executeRaw`
      DELETE FROM rate_limits WHERE key IN (
        SELECT key FROM rate_limits WHERE full_at < now() LIMIT ${PURGE_BATCH} FOR UPDATE SKIP LOCKED)`;
    const guards = await tx.$executeRaw`
      DELETE FROM account_guards WHERE key IN (
        SELECT key FROM account_guards
        WHERE next_at < now() - make_interval(days => ${ACCOUNT_GUARD.forgottenDays}::int)
        LIMIT ${PURGE_BATCH} FOR UPDATE SKIP LOCKED)`;
    return limits === PURGE_BATCH || guards === PURGE_BATCH;
  }
}
