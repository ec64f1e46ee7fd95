import { Prisma } from '../database/prisma.service.js';
import type { Charge, Guard, PresentedDevice, Verdict } from './bill.js';
import { ACCOUNT_GUARD, MOST_DEVICE_FAILURES } from './limit-policies.js';

/** One step of an attempt's chain: each is taken if the one before it was. */
export interface Link {
  /** Inserts or updates and returns a row, unless the limit is used up. */
  readonly take: (condition: Prisma.Sql) => Prisma.Sql;
  /** Seconds, before this attempt. */
  readonly wait: Prisma.Sql;
  readonly refusal: (wait: number | null) => NonNullable<Verdict['refusal']>;
}

export function chargeLink({ policy, key }: Charge): Link {
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
export function guardLink({ key }: Guard): Link {
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

/** A wrong password is counted before it is looked at. */
export function knownDevice(device: PresentedDevice | undefined): Prisma.Sql {
  if (device === undefined) return Prisma.sql`SELECT 1 WHERE false`;
  return Prisma.sql`
    UPDATE devices d SET failures = d.failures + 1 FROM users u
    WHERE d.id = ${device.id}::uuid AND d.failures < ${MOST_DEVICE_FAILURES}::int
      AND u.id = d.user_id AND u.email_lower = ${device.email}
    RETURNING 1`;
}

export const linkName = (index: number): Prisma.Sql => Prisma.raw(`link${index}`);
export const taken = (index: number): Prisma.Sql => Prisma.sql`EXISTS (SELECT FROM ${linkName(index)})`;
