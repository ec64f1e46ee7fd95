import { Prisma } from '../database/prisma.service.js';
import type { AppliedCharge, Charge } from './charges.js';
import { cteName, secondsPerAttempt } from './charge-sql.js';

/** Refunds or resets a charge, as its `afterSuccess` says. Lacks the end of its WHERE: see {@link orderedCtes}. */
export function afterSuccessSql({ charge: { limit, key, afterSuccess } }: AppliedCharge): Prisma.Sql | undefined {
  if (afterSuccess === 'stays') return undefined;
  if (limit === 'account') return Prisma.sql`DELETE FROM account_guards WHERE key = ${key}`;
  if (afterSuccess === 'resets the count') return Prisma.sql`DELETE FROM rate_limits WHERE key = ${key}`;
  return Prisma.sql`
    UPDATE rate_limits SET full_at = full_at - make_interval(secs => ${secondsPerAttempt(limit)}::float8) WHERE key = ${key}`;
}

/** Charges a success, also where that exceeds the limit. */
export function chargeSuccessSql({ limit, key }: Charge, condition = Prisma.sql`true`): Prisma.Sql {
  if (limit === 'account') throw new TypeError('An account guard counts failures only');
  const used = Prisma.sql`make_interval(secs => ${secondsPerAttempt(limit)}::float8)`;
  return Prisma.sql`
    INSERT INTO rate_limits AS l (key, full_at) SELECT ${key}::bytea, now() + ${used} WHERE ${condition}
    ON CONFLICT (key) DO UPDATE SET full_at = greatest(l.full_at, now()) + ${used}`;
}

/**
 * {@link chargeSuccessSql} after so many {@link orderedCtes}: last, so that its row is locked for the shortest time.
 */
export function chargeSuccessLastSql(parts: number, charge: Charge): Prisma.Sql {
  const after = parts === 0 ? Prisma.sql`true` : Prisma.sql`(SELECT count(*) FROM ${cteName(parts - 1)}) >= 0`;
  return Prisma.sql`counted AS (${chargeSuccessSql(charge, after)})`;
}
