import { Prisma } from '../database/prisma.service.js';
import type { Charge } from './charges.js';
import { ACCOUNT_GUARD, policyOf, type ChargedLimit } from './limit-policies.js';

export const cteName = (index: number): Prisma.Sql => Prisma.raw(`charge${index}`);
export const isChargedSql = (index: number): Prisma.Sql => Prisma.sql`EXISTS (SELECT FROM ${cteName(index)})`;

/** How many seconds of the window one attempt uses up. */
export function secondsPerAttempt(limit: Exclude<ChargedLimit, 'account'>): number {
  const { seconds, quota } = policyOf(limit, 0);
  return seconds / quota;
}

/** Seconds until the limit admits the next attempt; zero or negative when it does now. Takes no lock. */
export function waitSecondsSql({ limit, key }: Charge): Prisma.Sql {
  if (limit === 'account') {
    return Prisma.sql`coalesce((
      SELECT extract(epoch FROM next_at - clock_timestamp()) FROM account_guards WHERE key = ${key}), 0)::float8`;
  }
  const room = policyOf(limit, 0).seconds - secondsPerAttempt(limit);
  return Prisma.sql`coalesce((
    SELECT extract(epoch FROM full_at - now()) - ${room}::float8 FROM rate_limits WHERE key = ${key}), 0)::float8`;
}

/** Inserts or updates the row and returns it; returns none if the limit has been used up meanwhile. */
export function chargeSql({ limit, key }: Charge, condition: Prisma.Sql): Prisma.Sql {
  if (limit === 'account') return chargeGuardSql(key, condition);
  const attemptSeconds = secondsPerAttempt(limit);
  const room = policyOf(limit, 0).seconds - attemptSeconds;
  const used = Prisma.sql`make_interval(secs => ${attemptSeconds}::float8)`;
  return Prisma.sql`
    INSERT INTO rate_limits AS l (key, full_at) SELECT ${key}::bytea, now() + ${used} WHERE ${condition}
    ON CONFLICT (key) DO UPDATE SET full_at = greatest(l.full_at, now()) + ${used}
    WHERE l.full_at <= now() + make_interval(secs => ${room}::float8)
    RETURNING began_at::text AS began, NULL::text AS until`;
}

/**
 * By `clock_timestamp()`, the time at which the row is locked: of two concurrent statements, the one that
 * started later may lock first.
 */
function chargeGuardSql(key: Buffer, condition: Prisma.Sql): Prisma.Sql {
  const { free, firstSeconds, growthFactor, maxFailures, maxSeconds, exhaustedSeconds } = ACCOUNT_GUARD;
  return Prisma.sql`
    INSERT INTO account_guards AS g (key, failures, next_at) SELECT ${key}::bytea, 1, now() WHERE ${condition}
    ON CONFLICT (key) DO UPDATE SET failures = g.failures + 1, next_at = clock_timestamp() + make_interval(secs => CASE
      WHEN g.failures + 1 < ${free}::int THEN 0
      WHEN g.failures + 1 < ${maxFailures}::int THEN least(${maxSeconds}::int, ${firstSeconds}::int * ${growthFactor}::int ^ least(g.failures + 1 - ${free}::int, 30))
      ELSE ${exhaustedSeconds}::int END)
    WHERE g.next_at <= clock_timestamp()
    RETURNING began_at::text AS began, next_at::text AS until`;
}
