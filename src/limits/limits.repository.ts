import { Injectable } from '@nestjs/common';
import { Prisma, PrismaService, type Transaction } from '../database/prisma.service.js';
import { ACCOUNT_GUARD, MOST_DEVICE_FAILURES, MOST_DEVICES, type LimitPolicy } from './limit-policies.js';

const PURGE_BATCH = 1000;

/** One attempt to be counted under a key. */
export interface Charge {
  readonly policy: LimitPolicy;
  readonly key: Buffer;
}

/** The guard of an account. */
export interface Guard {
  readonly key: Buffer;
}

/** A device that its token names, and whose it must be. */
export interface PresentedDevice {
  readonly id: string;
  readonly email: string;
}

/** All that an attempt is counted under, in this order; where one refuses, those after it are not charged. */
export interface Bill {
  readonly charges: readonly Charge[];
  readonly guard?: Guard | undefined;
  readonly last?: Charge | undefined;
  /** Of a device that is known nothing else is charged. */
  readonly device?: PresentedDevice | undefined;
}

export interface Verdict {
  readonly isKnownDevice: boolean;
  /** The part of the bill that was charged: all of it, or what stands before a limit that refuses. */
  readonly charged: Bill;
  /** The limit that is used up. */
  readonly refusal?: { readonly policy: LimitPolicy; readonly seconds: number };
}

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
      return Prisma.sql`${name(index)} AS (${link.take(condition)})`;
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

/** The first so many parts of a bill that one after them refuses. */
function firstOf({ charges, guard }: Bill, count: number): Bill {
  return { charges: charges.slice(0, count), guard: count > charges.length ? guard : undefined };
}

/** What is made of each part of a bill, in the order in which they are charged. */
function inOrder<Made>(
  { charges, guard, last }: Bill,
  ofCharge: (charge: Charge) => Made,
  ofGuard: (guard: Guard) => Made,
) {
  return [...charges.map(ofCharge), ...(guard ? [ofGuard(guard)] : []), ...(last ? [ofCharge(last)] : [])];
}

/** One step of the chain. */
interface Link {
  /** Inserts or updates and returns a row, unless the limit is used up. */
  readonly take: (condition: Prisma.Sql) => Prisma.Sql;
  /** Seconds, before this attempt. */
  readonly wait: Prisma.Sql;
  readonly refusal: (wait: number | null) => NonNullable<Verdict['refusal']>;
}

function chargeLink({ policy, key }: Charge): Link {
  const { quota, seconds } = policy;
  const share = seconds / quota;
  const used = Prisma.sql`make_interval(secs => ${share}::float8)`;
  return {
    take: (condition) => Prisma.sql`
      INSERT INTO rate_limits AS l (key, full_at) SELECT ${key}::bytea, now() + ${used} WHERE ${condition}
      ON CONFLICT (key) DO UPDATE SET full_at = greatest(l.full_at, now()) + ${used}
      WHERE l.full_at <= now() + make_interval(secs => ${seconds - share}::float8)
      RETURNING 1`,
    wait: Prisma.sql`(SELECT extract(epoch FROM full_at - now()) FROM rate_limits WHERE key = ${key})`,
    refusal: (wait) => ({ policy, seconds: wait === null ? share : Math.max(0, wait - (seconds - share)) }),
  };
}

/** By the clock of the moment in which the row is held: of two at once the one that began later may come first. */
function guardLink({ key }: Guard): Link {
  const { free, most, longestSeconds, exhaustedSeconds, name: guardName } = ACCOUNT_GUARD;
  return {
    take: (condition) => Prisma.sql`
      INSERT INTO account_guards AS g (key, failures, next_at) SELECT ${key}::bytea, 1, now() WHERE ${condition}
      ON CONFLICT (key) DO UPDATE SET failures = g.failures + 1, next_at = clock_timestamp() + make_interval(secs => CASE
        WHEN g.failures + 1 < ${free}::int THEN 0
        WHEN g.failures + 1 < ${most}::int THEN least(${longestSeconds}::int, 2 ^ least(g.failures + 1 - ${free}::int, 30))
        ELSE ${exhaustedSeconds}::int END)
      WHERE g.next_at <= clock_timestamp()
      RETURNING 1`,
    wait: Prisma.sql`(SELECT extract(epoch FROM next_at - now()) FROM account_guards WHERE key = ${key})`,
    refusal: (wait) => {
      const seconds = Math.max(0, wait ?? 0);
      return { policy: { name: guardName, quota: 1, seconds: Math.max(1, Math.ceil(seconds)) }, seconds };
    },
  };
}

/** Without the end of its WHERE. */
function returnLink({ policy: { quota, seconds }, key }: Charge, isForgotten: boolean): Prisma.Sql {
  if (isForgotten) return Prisma.sql`DELETE FROM rate_limits WHERE key = ${key}`;
  return Prisma.sql`
    UPDATE rate_limits SET full_at = full_at - make_interval(secs => ${seconds / quota}::float8) WHERE key = ${key}`;
}

/** A wrong password is counted before it is looked at. */
function knownDevice(device: PresentedDevice | undefined): Prisma.Sql {
  if (device === undefined) return Prisma.sql`SELECT 1 WHERE false`;
  return Prisma.sql`
    UPDATE devices d SET failures = d.failures + 1 FROM users u
    WHERE d.id = ${device.id}::uuid AND d.failures < ${MOST_DEVICE_FAILURES}::int
      AND u.id = d.user_id AND u.email_lower = ${device.email}
    RETURNING 1`;
}

/** In the order in which they are taken, so that no two statements wait for each other. Each lacks the end of its WHERE. */
function inTurn(links: readonly Prisma.Sql[]): Prisma.Sql[] {
  return links.map((link, index) => {
    const after = index === 0 ? Prisma.sql`true` : Prisma.sql`(SELECT count(*) FROM ${name(index - 1)}) >= 0`;
    return Prisma.sql`${name(index)} AS (${link} AND ${after} RETURNING 1)`;
  });
}

function newDevice(device: { readonly id: string; readonly userId: string } | undefined): Prisma.Sql[] {
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

const name = (index: number): Prisma.Sql => Prisma.raw(`link${index}`);
const taken = (index: number): Prisma.Sql => Prisma.sql`EXISTS (SELECT FROM ${name(index)})`;
