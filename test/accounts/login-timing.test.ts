import { randomUUID } from 'node:crypto';
import { expect, it } from 'vitest';
import { PASSWORD, startApp, type TestApp } from '../support/app.js';
import { setFailures } from '../support/rate-limit-states.js';

const WRONG = 'not the right passphrase';
const SAMPLES = 300;
/** Largest tolerated difference of medians, in milliseconds. */
const MAX_DIFFERENCE = 5;

/** Adds SAMPLES enabled and SAMPLES disabled users with the password of this one. */
async function copyUser(app: TestApp, email: string): Promise<void> {
  await app.query(
    `INSERT INTO users (id, email, email_lower, password_hash, disabled_at)
     SELECT gen_random_uuid(), kind || n || email, kind || n || email_lower, password_hash,
            CASE kind WHEN 'disabled' THEN now() END
     FROM users, unnest(ARRAY['enabled', 'disabled']) kind, generate_series(1, $2) n WHERE email = $1`,
    [email, SAMPLES],
  );
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}

function spread(values: readonly number[]): number {
  return Math.max(...values) - Math.min(...values);
}

it(
  'a login takes the same time for an unknown address, a wrong password and a disabled user, and so does a rate-limited one (ENU-02, ENU-04)',
  { timeout: 180_000 },
  async () => {
    const changes = {
      argon2MemoryKib: 4096,
      argon2Passes: 1,
      rateLimits: 'on',
      trustedProxies: ['127.0.0.1'],
    } as const;
    const app = await startApp({ changes });
    const [email, stranger] = [`${randomUUID()}@example.com`, `${randomUUID()}@example.com`];
    await app.register(email);
    await copyUser(app, email);
    for (const locked of [email, stranger]) await setFailures(app, locked, 100, 3600);
    const kinds = {
      unknown: { status: 401, email: () => `${randomUUID()}@example.com`, password: WRONG },
      wrong: { status: 401, email: (turn: number) => `enabled${turn}${email}`, password: WRONG },
      disabled: { status: 401, email: (turn: number) => `disabled${turn}${email}`, password: PASSWORD },
      disabledWrong: { status: 401, email: (turn: number) => `disabled${turn}${email}`, password: WRONG },
      limited: { status: 429, email: () => email, password: PASSWORD },
      limitedUnknown: { status: 429, email: () => stranger, password: PASSWORD },
    };
    const samples = Object.entries(kinds).map(([name, kind]) => ({ name, kind, times: [] as number[] }));
    for (let turn = 1; turn <= SAMPLES; turn++) {
      // Each kind follows each other kind equally often.
      samples.push(...samples.splice(0, 1 + (turn % (samples.length - 1))));
      for (const { kind, times } of samples) {
        const json = { email: kind.email(turn), password: kind.password };
        const headers = { 'x-forwarded-for': `10.0.${turn >> 8}.${turn & 255}` };
        const startedAt = performance.now();
        const { status } = await app.call('POST', '/v1/auth/login', { json, headers });
        times.push(performance.now() - startedAt);
        expect(status).toBe(kind.status);
      }
    }
    const medians = Object.fromEntries(samples.map(({ name, times }) => [name, median(times)])) as Record<
      keyof typeof kinds,
      number
    >;
    const { unknown, wrong, disabled, disabledWrong, limited, limitedUnknown } = medians;
    // A limited login mainly saves the hash. A hash that is left out or computed twice exceeds the tolerance.
    const spared = wrong - limited;
    expect(spared).toBeGreaterThan(1);
    const tolerated = Math.min(MAX_DIFFERENCE, spared / 2);
    expect(spread([unknown, wrong, disabled, disabledWrong])).toBeLessThan(tolerated);
    expect(spread([limited, limitedUnknown])).toBeLessThan(tolerated);
  },
);
