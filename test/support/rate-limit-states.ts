import { LimitKeys } from '../../src/rate-limits/limit-keys.js';
import { ACCOUNT_GUARD, SHARES, type LimitPolicy } from '../../src/rate-limits/limit-policies.js';
import type { TestApp } from './app.js';

/** The shares of the global limit, as subjects for {@link useUpLimit}. */
export const SHARES_OF_ALL = Array.from({ length: SHARES }, (_, share) => [String(share)]);

export function limitKeys(app: TestApp): LimitKeys {
  return app.nest.get(LimitKeys, { strict: false });
}

/** Sets this many seconds of use of a limit for each subject. */
export async function useUpLimit(
  app: TestApp,
  { name }: Pick<LimitPolicy, 'name'>,
  seconds: number,
  ...subjects: readonly string[][]
): Promise<void> {
  await app.query(
    `INSERT INTO rate_limits (key, full_at) SELECT key, now() + make_interval(secs => $2) FROM unnest($1::bytea[]) key
     ON CONFLICT (key) DO UPDATE SET full_at = excluded.full_at`,
    [subjects.map((parts) => limitKeys(app).keyFor(name, ...parts)), seconds],
  );
}

export function guardKey(app: TestApp, email: string): Buffer {
  return limitKeys(app).keyFor(ACCOUNT_GUARD.name, email.toLowerCase());
}

/** Sets the number of failures of an account and the wait until the next attempt is evaluated. */
export async function setFailures(app: TestApp, email: string, failures: number, waitSeconds = 0): Promise<void> {
  await app.query(
    `INSERT INTO account_guards (key, failures, next_at) VALUES ($1, $2, now() + make_interval(secs => $3))
     ON CONFLICT (key) DO UPDATE SET failures = excluded.failures, next_at = excluded.next_at`,
    [guardKey(app, email), failures, waitSeconds],
  );
}
