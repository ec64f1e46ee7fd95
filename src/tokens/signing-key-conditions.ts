import { Prisma } from '../database/prisma.service.js';

/** A key is published as `next`, signs as `active`, verifies as `retiring`, and then is `gone`. */
export type KeyState = 'next' | 'active' | 'retiring' | 'gone';

/** The state of a row of `signing_keys`. */
export const STATE = `CASE WHEN gone_at IS NOT NULL THEN 'gone' WHEN retired_at IS NOT NULL THEN 'retiring'
                    WHEN activated_at IS NOT NULL THEN 'active' ELSE 'next' END`;

export const stateIs = (state: KeyState): Prisma.Sql => Prisma.sql`${Prisma.raw(STATE)} = ${state}`;

export const isOlder = (column: string, seconds: number): Prisma.Sql =>
  Prisma.sql`${Prisma.raw(column)} <= now() - make_interval(secs => ${seconds}::int)`;

/** A next key that may sign: it was published for long enough. */
export function isNextDue(alg: string, publish: number): Prisma.Sql {
  return Prisma.sql`alg = ${alg} AND ${stateIs('next')} AND ${isOlder('created_at', publish)}`;
}

/** An active key whose successor is to sign. */
export function isActiveTooLong(alg: string, rotation: number): Prisma.Sql {
  return Prisma.sql`alg = ${alg} AND ${stateIs('active')} AND ${isOlder('activated_at', rotation)}`;
}

/** A retiring key whose last token has expired. */
export function isRetirementOver(retirement: number): Prisma.Sql {
  return Prisma.sql`(${stateIs('retiring')} AND ${isOlder('retired_at', retirement)})`;
}

/** A key of another algorithm than that which signs. */
export function isAbandoned(alg: string, abandonment: number): Prisma.Sql {
  return Prisma.sql`(alg <> ${alg} AND retired_at IS NULL AND ${isOlder('created_at', abandonment)}
    AND EXISTS (SELECT FROM signing_keys WHERE alg = ${alg} AND ${stateIs('active')}))`;
}
