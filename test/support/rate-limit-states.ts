import { LimitKeys } from '../../src/rate-limits/limit-keys.js';
import { ACCOUNT_GUARD, SHARES, type LimitPolicy } from '../../src/rate-limits/limit-policies.js';
import type { TestApp } from './app.js';

/** Whom the limit of all is about, for {@link useUp}. */
export const SHARES_OF_ALL = Array.from({ length: SHARES }, (_, share) => [String(share)]);

export function limitKeys(app: TestApp): LimitKeys {
  return app.nest.get(LimitKeys, { strict: false });
}

/** As if each of these had used up so many seconds of a limit. */
export async function useUpLimit(
  app: TestApp,
  { name }: Pick<LimitPolicy, 'name'>,
  seconds: number,
  ...whom: readonly string[][]
): Promise<void> {
  await app.query(
    `INSERT INTO rate_limits (key, full_at) SELECT key, now() + make_interval(secs => $2) FROM unnest($1::bytea[]) key
     ON CONFLICT (key) DO UPDATE SET full_at = excluded.full_at`,
    [whom.map((parts) => limitKeys(app).of(name, ...parts)), seconds],
  );
}

export function guardKey(app: TestApp, email: string): Buffer {
  return limitKeys(app).of(ACCOUNT_GUARD.name, email.toLowerCase());
}

/** As if so many wrong passwords had been tried, and the next were looked at after so long. */
export async function setFailures(app: TestApp, email: string, failures: number, waitSeconds = 0): Promise<void> {
  await app.query(
    `INSERT INTO account_guards (key, failures, next_at) VALUES ($1, $2, now() + make_interval(secs => $3))
     ON CONFLICT (key) DO UPDATE SET failures = excluded.failures, next_at = excluded.next_at`,
    [guardKey(app, email), failures, waitSeconds],
  );
}
