import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { LoginCounter } from '../../src/access/login-counter.js';
import type { Config } from '../../src/config/config.js';
import { DeviceTokens } from '../../src/rate-limits/device-tokens.js';
import { LIMITS } from '../../src/rate-limits/limit-policies.js';
import { LimitRefusals } from '../../src/rate-limits/limit-refusals.js';
import { RateLimitsPurgeJob } from '../../src/rate-limits/rate-limits-purge.job.js';
import { RateLimitsService } from '../../src/rate-limits/rate-limits.service.js';
import { PasswordsService } from '../../src/passwords/passwords.service.js';
import { UserAdministrationService } from '../../src/users/user-administration.service.js';
import { PASSWORD, afterAllTests, startApp, type Answer, type TestApp } from '../support/app.js';
import { guardKey, limitKeys, setFailures, SHARES_OF_ALL, useUpLimit } from '../support/rate-limit-states.js';

const WRONG = 'not the right passphrase';
/** The tests send from 127.0.0.1, a trusted proxy, and name the client's address in X-Forwarded-For. */
const LIMITED: Partial<Config> = { rateLimits: 'on', trustedProxies: ['127.0.0.1'] };

let addresses = 0;
/** An address that no test has used. */
function newAddress(): string {
  const number = addresses++;
  return `10.${(number >> 16) & 255}.${(number >> 8) & 255}.${number & 255}`;
}

function newEmail(): string {
  return `${randomUUID()}@example.com`;
}

interface Login {
  readonly email: string;
  readonly password?: string;
  readonly address?: string;
  readonly deviceToken?: string;
}

function logIn(
  app: TestApp,
  { email, password = PASSWORD, address = newAddress(), deviceToken }: Login,
): Promise<Answer> {
  return app.call('POST', '/v1/auth/login', {
    json: { email, password, ...(deviceToken === undefined ? {} : { deviceToken }) },
    headers: { 'x-forwarded-for': address },
  });
}

async function register(app: TestApp): Promise<string> {
  const email = newEmail();
  await app.call('POST', '/v1/auth/register', {
    json: { email, password: PASSWORD },
    headers: { 'x-forwarded-for': newAddress() },
  });
  return email;
}

async function deviceOf(app: TestApp, email: string): Promise<string> {
  return String((await logIn(app, { email })).body['deviceToken']);
}

async function failuresOf(app: TestApp, email: string): Promise<number> {
  const [row] = await app.query<{ failures: number }>('SELECT failures FROM account_guards WHERE key = $1', [
    guardKey(app, email),
  ]);
  return row?.failures ?? 0;
}

function limitOf({ status, headers }: Answer): string | number {
  return status === 429 ? (/^"([a-z-]+)"/.exec(headers.get('ratelimit') ?? '')?.[1] ?? '') : status;
}

const retryAfter = ({ headers }: Answer): number => Number(headers.get('retry-after'));

describe('an account', () => {
  let app: TestApp;
  const onFinished = afterAllTests();
  beforeAll(async () => {
    app = await startApp({ changes: LIMITED }, onFinished);
  });

  it.each([
    ['known', register],
    ['unknown', async () => newEmail()],
  ])(
    'that is %s allows ten wrong passwords, then waits that double, from any address (BRU-01)',
    async (_case, make) => {
      const email = await make(app);
      for (let turn = 0; turn < 10; turn++) {
        expect((await logIn(app, { email, password: WRONG })).status).toBe(401);
      }
      const waits: number[] = [];
      for (const failures of [10, 11, 12, 13, 18, 19, 98, 99, 100, 101]) {
        await setFailures(app, email, failures - 1);
        expect((await logIn(app, { email, password: WRONG })).status).toBe(401);
        const refused = await logIn(app, { email: email.toUpperCase() });
        expect(limitOf(refused)).toBe('account');
        waits.push(retryAfter(refused));
      }
      expect(waits).toEqual([1, 2, 4, 8, 256, 300, 300, 300, 3600, 3600]);
    },
  );

  it('evaluates no more passwords when they are guessed in parallel from many addresses on two processes (BRU-02)', async () => {
    const other = await startApp({ databaseUrl: app.databaseUrl, changes: LIMITED });
    const email = await register(app);
    const startedAt = performance.now();
    const answers = await Promise.all(
      Array.from({ length: 120 }, (_, turn) => logIn(turn % 2 ? app : other, { email, password: WRONG })),
    );
    const seconds = (performance.now() - startedAt) / 1000;
    const statuses = answers.map(({ status }) => status);
    const evaluated = statuses.filter((status) => status === 401).length;
    expect(evaluated).toBeGreaterThanOrEqual(10);
    // An eleventh is allowed after 1 s, a twelfth 2 s later: on a slow machine the requests take that long.
    expect(evaluated).toBeLessThanOrEqual(10 + Math.floor(Math.log2(1 + seconds)));
    expect(new Set(statuses)).toEqual(new Set([401, 429]));
    expect(await failuresOf(app, email)).toBe(evaluated);
  });

  it('accepts correct passwords that arrive concurrently', async () => {
    const other = await startApp({ databaseUrl: app.databaseUrl, changes: LIMITED });
    const email = await register(app);
    const outcomes: (string | number)[] = [];
    for (let round = 0; round < 10; round++) {
      const answers = Array.from({ length: 9 }, (_, turn) => logIn(turn % 2 ? app : other, { email }));
      outcomes.push(...(await Promise.all(answers)).map(limitOf));
    }
    expect(outcomes).toEqual(Array(90).fill(200));
  });

  it('resets its failures after a correct password and when an operator unlocks it', async () => {
    const email = await register(app);
    await setFailures(app, email, 50);
    expect((await logIn(app, { email })).status).toBe(200);
    expect(await failuresOf(app, email)).toBe(0);
    await setFailures(app, email, 100);
    expect((await logIn(app, { email, password: WRONG })).status).toBe(401);
    expect((await logIn(app, { email })).status).toBe(429);
    await app.nest.get(UserAdministrationService, { strict: false }).unlockUser(email.toUpperCase());
    expect((await logIn(app, { email })).status).toBe(200);
  });

  it('states correctly when the next attempt is evaluated (BRU-04)', async () => {
    const email = await register(app);
    await setFailures(app, email, 9);
    await logIn(app, { email, password: WRONG });
    const refused = await logIn(app, { email });
    expect(refused.status).toBe(429);
    expect(refused.body).toMatchObject({ code: 'too_many_attempts', status: 429 });
    expect(refused.headers.get('ratelimit-policy')).toBe('"account";q=1;w=1');
    expect(refused.headers.get('ratelimit')).toBe('"account";r=0;t=1');
    await pause(1000 * retryAfter(refused));
    expect((await logIn(app, { email })).status).toBe(200);
  });

  it('answers the same whether it exists or not, limited or not (ENU-04)', async () => {
    const visibleResponses = async (email: string) => {
      await setFailures(app, email, 9);
      const answers = [
        await logIn(app, { email, password: WRONG }),
        await logIn(app, { email, password: WRONG }),
        await logIn(app, { email, password: WRONG, deviceToken: 'x' }),
      ];
      return answers.map(({ status, headers, body: { instance: _instance, ...body } }) => {
        const fixed = Object.fromEntries([...headers].filter(([name]) => !['date', 'x-request-id'].includes(name)));
        return { status, fixed, body };
      });
    };
    expect(await visibleResponses(await register(app))).toEqual(await visibleResponses(newEmail()));
  });

  it('is not charged for an attempt that was not evaluated', async () => {
    const changes = { ...LIMITED, argon2Passes: 200, argon2MemoryKib: 32_768, hashConcurrency: 1 };
    const busy = await startApp({ databaseUrl: app.databaseUrl, changes: { ...changes, hashQueueMilliseconds: 0 } });
    const email = await register(app);
    const running = busy.call('POST', '/v1/auth/register', { json: { email: newEmail(), password: PASSWORD } });
    const passwords = busy.nest.get(PasswordsService, { strict: false });
    await expect.poll(() => passwords.hashStats().running).toBe(1);
    // The hash admission hook admits all requests, so that the overload is found only after the attempt was charged.
    vi.spyOn(passwords, 'overloadProblem').mockReturnValue(undefined);
    await app.query(`
      CREATE TABLE charged (key bytea);
      CREATE FUNCTION record_charge() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN INSERT INTO charged VALUES (NEW.key); RETURN NULL; END';
      CREATE TRIGGER record_charge AFTER INSERT OR UPDATE ON account_guards FOR EACH ROW EXECUTE FUNCTION record_charge()`);
    onTestFinished(async () => void (await app.query('DROP FUNCTION record_charge CASCADE; DROP TABLE charged')));
    expect((await logIn(busy, { email })).status).toBe(503);
    expect(await app.query('SELECT FROM charged WHERE key = $1', [guardKey(app, email)])).toHaveLength(1);
    expect(await failuresOf(app, email)).toBe(0);
    await running;
  });
});

describe('a known device', () => {
  let app: TestApp;
  const onFinished = afterAllTests();
  beforeAll(async () => {
    app = await startApp({ changes: LIMITED }, onFinished);
  });

  it('logs in whatever strangers do to its account, its address and the global limit (BRU-05)', async () => {
    const email = await register(app);
    const address = newAddress();
    const deviceToken = await deviceOf(app, email);
    await setFailures(app, email, 100);
    await logIn(app, { email, password: WRONG });
    await useUpLimit(app, LIMITS.address, 600, [address]);
    await useUpLimit(app, LIMITS.all, 600, ...SHARES_OF_ALL);
    expect(limitOf(await logIn(app, { email, address }))).toBe('address');
    expect(limitOf(await logIn(app, { email: newEmail() }))).toBe('all');
    const answer = await logIn(app, { email, address, deviceToken });
    expect([answer.status, answer.body['deviceToken']]).toEqual([200, deviceToken]);
    await app.query('DELETE FROM rate_limits');
  });

  it('has ten wrong passwords, also in parallel, and a correct one resets them (BRU-01, BRU-02)', async () => {
    const email = await register(app);
    const deviceToken = await deviceOf(app, email);
    const guess = (): Promise<Answer> => logIn(app, { email, password: WRONG, deviceToken });
    for (let turn = 0; turn < 9; turn++) await guess();
    // They do not count as failures of unknown devices.
    expect(await failuresOf(app, email)).toBe(0);
    expect((await logIn(app, { email, deviceToken })).status).toBe(200);
    await setFailures(app, email, 100);
    await logIn(app, { email, password: WRONG });
    const answers = await Promise.all(Array.from({ length: 30 }, guess));
    const outcomes = answers.map(limitOf);
    expect(outcomes.filter((outcome) => outcome === 401)).toHaveLength(10);
    expect(outcomes.filter((outcome) => outcome === 'account')).toHaveLength(20);
    expect(limitOf(await logIn(app, { email, deviceToken }))).toBe('account');
  });

  it('is known to one account only, and its token cannot be forged', async () => {
    const [mine, theirs] = [await register(app), await register(app)];
    const deviceToken = await deviceOf(app, mine);
    await setFailures(app, theirs, 100);
    await logIn(app, { email: theirs, password: WRONG });
    const forged = `${deviceToken.slice(0, -1)}${deviceToken.endsWith('A') ? 'B' : 'A'}`;
    for (const presented of [deviceToken, forged, 'x', '']) {
      expect(limitOf(await logIn(app, { email: theirs, deviceToken: presented }))).toBe('account');
    }
  });

  it('is one of at most ten, and is forgotten at a change of password', async () => {
    const email = await register(app);
    const devices: string[] = [];
    for (let turn = 0; turn < 11; turn++) devices.push(await deviceOf(app, email));
    const { token } = await app.signInAs(email);
    const known = async (deviceToken: string | undefined): Promise<boolean> => {
      await setFailures(app, email, 100);
      await logIn(app, { email, password: WRONG });
      return (await logIn(app, { email, ...(deviceToken === undefined ? {} : { deviceToken }) })).status === 200;
    };
    // The sign-in above made the twelfth device.
    expect([await known(devices[0]), await known(devices[1]), await known(devices[10])]).toEqual([false, false, true]);
    const json = { currentPassword: PASSWORD, newPassword: `${PASSWORD} anew` };
    expect((await app.call('POST', '/v1/users/me/password', { token, json })).status).toBe(204);
    await setFailures(app, email, 100);
    await logIn(app, { email, password: WRONG });
    const deviceToken = devices[10] ?? '';
    expect((await logIn(app, { email, password: `${PASSWORD} anew`, deviceToken })).status).toBe(429);
  });
});

describe('the devices of an account', () => {
  let app: TestApp;
  const onFinished = afterAllTests();
  beforeAll(async () => {
    app = await startApp({ changes: LIMITED }, onFinished);
  });

  async function isKnown(email: string, deviceToken: string | undefined, password = PASSWORD): Promise<boolean> {
    await setFailures(app, email, 100, 3600);
    const { status } = await logIn(app, { email, password, ...(deviceToken !== undefined && { deviceToken }) });
    await setFailures(app, email, 0);
    return status === 200;
  }

  it('are dropped by last use, not by age (BRU-05)', async () => {
    const email = await register(app);
    const devices: string[] = [];
    for (let turn = 0; turn < 10; turn++) devices.push(await deviceOf(app, email));
    expect((await logIn(app, { email, ...(devices[0] && { deviceToken: devices[0] }) })).status).toBe(200);
    // Each of the following logins drops the least recently used device.
    await deviceOf(app, email);
    expect([await isKnown(email, devices[1]), await isKnown(email, devices[0])]).toEqual([false, true]);
    await deviceOf(app, email);
    expect([await isKnown(email, devices[2]), await isKnown(email, devices[0])]).toEqual([false, true]);
  });

  it("are forgotten at a change of password, except the user's own device that comes with the request (BRU-05)", async () => {
    const [email, stranger] = [await register(app), await register(app)];
    const [mine, other, theirs] = [
      await deviceOf(app, email),
      await deviceOf(app, email),
      await deviceOf(app, stranger),
    ];
    const { token } = await app.signInAs(email);
    let password = PASSWORD;
    const change = async (deviceToken?: string): Promise<number> => {
      const [currentPassword, newPassword] = [password, `${password} anew`];
      const json = { currentPassword, newPassword, ...(deviceToken !== undefined && { deviceToken }) };
      const { status } = await app.call('POST', '/v1/users/me/password', { token, json });
      password = newPassword;
      return status;
    };
    expect(await change(mine)).toBe(204);
    expect([await isKnown(email, mine, password), await isKnown(email, other, password)]).toEqual([true, false]);
    expect([await change(theirs), await isKnown(email, mine, password)]).toEqual([204, false]);
    expect(await isKnown(stranger, theirs)).toBe(true);
    const again = String((await logIn(app, { email, password })).body['deviceToken']);
    for (const garbage of ['x', '']) expect(await change(garbage)).toBe(204);
    expect(await isKnown(email, again, password)).toBe(false);
  });
});

describe('an address', () => {
  it(
    'has a hundred wrong passwords, whatever forwarding headers it sends (BRU-03, BRU-06)',
    { timeout: 60_000 },
    async () => {
      const app = await startApp({ changes: { rateLimits: 'on' } });
      const spoofs = ['x-forwarded-for', 'x-real-ip', 'forwarded', 'true-client-ip'];
      const guess = (turn: number): Promise<Answer> =>
        app.call('POST', '/v1/auth/login', {
          json: { email: newEmail(), password: WRONG },
          headers: { [spoofs[turn % spoofs.length] ?? '']: newAddress() },
        });
      const answers: Answer[] = [];
      for (let turn = 0; turn < 103; turn++) answers.push(await guess(turn));
      expect(answers.slice(0, 100).map(limitOf)).toEqual(Array(100).fill(401));
      expect(answers.slice(101).map(limitOf)).toEqual(['address', 'address']);
      const email = newEmail();
      await app.register(email);
      expect(limitOf(await app.login(email))).toBe('address');
    },
  );

  it('is refunded for a correct password, and has twenty wrong passwords per account', async () => {
    const app = await startApp({ changes: LIMITED });
    const email = await register(app);
    const address = newAddress();
    for (let turn = 0; turn < 110; turn++) expect((await logIn(app, { email, address })).status).toBe(200);
    for (let turn = 0; turn < 20; turn++) {
      expect((await logIn(app, { email, address, password: WRONG })).status).toBe(401);
      await setFailures(app, email, 0);
    }
    expect(limitOf(await logIn(app, { email, address }))).toBe('address-and-account');
    expect((await logIn(app, { email })).status).toBe(200);
  });

  it('is read from X-Forwarded-For from the right, past the trusted proxies', async () => {
    const app = await startApp({ changes: { ...LIMITED, trustedProxies: ['127.0.0.1', '192.0.2.0/24'] } });
    const counted = async (forwarded: string): Promise<boolean> => {
      await app.query('DELETE FROM rate_limits');
      await logIn(app, { email: newEmail(), password: WRONG, address: forwarded });
      const key = limitKeys(app).keyFor(LIMITS.address.name, '203.0.113.9');
      return (await app.query('SELECT FROM rate_limits WHERE key = $1', [key])).length === 1;
    };
    expect(await counted('203.0.113.9')).toBe(true);
    expect(await counted('198.51.100.1, 203.0.113.9, 192.0.2.7')).toBe(true);
    expect(await counted('203.0.113.9, 198.51.100.1')).toBe(false);
  });
});

describe('rate limits', () => {
  it('allow twenty registrations per address and ten per account (BRU-06)', async () => {
    const app = await startApp({ changes: LIMITED });
    const registerFrom = (email: string, address: string): Promise<Answer> =>
      app.call('POST', '/v1/auth/register', {
        json: { email, password: PASSWORD },
        headers: { 'x-forwarded-for': address },
      });
    const address = newAddress();
    const answers: (string | number)[] = [];
    for (let turn = 0; turn < 21; turn++) answers.push(limitOf(await registerFrom(newEmail(), address)));
    expect(answers).toEqual([...Array(20).fill(201), 'register-address']);
    const email = newEmail();
    for (let turn = 0; turn < 10; turn++) await registerFrom(email, newAddress());
    expect(limitOf(await registerFrom(email, newAddress()))).toBe('register-account');
  });

  it('allow sixty refreshes a minute per session (BRU-06)', async () => {
    const app = await startApp({ changes: LIMITED });
    const email = await register(app);
    let { refreshToken } = await app.signInAs(email);
    for (let turn = 0; turn < 60; turn++) {
      const answer = await app.refresh(refreshToken);
      expect(answer.status).toBe(200);
      refreshToken = String(answer.body['refresh_token']);
    }
    // One refills per second.
    const answers = await Promise.all(Array.from({ length: 20 }, () => app.refresh(refreshToken)));
    expect(answers.map(limitOf)).toContain('refresh-session');
  });

  it.each([
    ['password', { newPassword: 'another long passphrase' }],
    ['deletion', {}],
  ])('allow ten wrong current passwords at /%s', async (path, others) => {
    const app = await startApp({ changes: LIMITED });
    const { token } = await app.signInAs(await register(app));
    const ask = (currentPassword: string): Promise<Answer> =>
      app.call('POST', `/v1/users/me/${path}`, { token, json: { currentPassword, ...others } });
    for (let turn = 0; turn < 10; turn++) expect((await ask(WRONG)).status).toBe(401);
    expect(limitOf(await ask(PASSWORD))).toBe('current-password');
  });

  it('persist over a restart, and are purged when they no longer limit anybody (BRU-07)', async () => {
    const app = await startApp({ changes: LIMITED });
    const email = newEmail();
    await setFailures(app, email, 100);
    await logIn(app, { email, password: WRONG });
    await app.nest.close();
    const again = await startApp({ databaseUrl: app.databaseUrl, changes: LIMITED });
    expect(limitOf(await logIn(again, { email }))).toBe('account');
    await again.query(`UPDATE rate_limits SET full_at = now() - interval '1 s'`);
    const few = newEmail();
    await setFailures(again, few, 9, -25 * 3600);
    await setFailures(again, email, 10, -29 * 24 * 3600);
    const job = again.nest.get(RateLimitsPurgeJob, { strict: false });
    const purge = () => Promise.all([job.purgeLimits(), job.purgeAccountGuards()]);
    await purge();
    expect(await again.query('SELECT FROM rate_limits')).toEqual([]);
    expect([await failuresOf(again, email), await failuresOf(again, few)]).toEqual([10, 0]);
    await setFailures(again, few, 9, -23 * 3600);
    await setFailures(again, email, 10, -31 * 24 * 3600);
    await purge();
    expect([await failuresOf(again, email), await failuresOf(again, few)]).toEqual([0, 9]);
  });

  it.each([
    ['off', 0],
    ['dry-run', 1],
  ] as const)('that are %s refuse nothing', async (rateLimits, counted) => {
    const app = await startApp({ changes: { ...LIMITED, rateLimits } });
    const email = await register(app);
    await setFailures(app, email, 100);
    await logIn(app, { email, password: WRONG });
    expect((await logIn(app, { email })).status).toBe(200);
    expect(app.nest.get(LimitRefusals, { strict: false }).refusalCounts()['account']).toBe(counted);
  });
});

function get(app: TestApp, path: string, address: string): Promise<Answer> {
  return app.call('GET', path, { headers: { 'x-forwarded-for': address } });
}

/** A login and its expected status. */
function loginOf(outcome: 200 | 401, email: string, address = newAddress()) {
  return { outcome, email, address, password: outcome === 200 ? PASSWORD : WRONG };
}

describe('the global login limit', () => {
  // A long connection timeout, because the pool is not under test; statement and lock timeouts are the defaults.
  const changes = { ...LIMITED, databaseConnectionTimeoutMs: 30_000 };

  it.each([
    ['all shares', undefined, 30],
    ['one share', 0, 10],
  ])(
    'counts every one of 300 concurrent logins on two nodes that use %s, and fails none',
    async (_case, random, used) => {
      const app = await startApp({ changes });
      const other = await startApp({ databaseUrl: app.databaseUrl, changes });
      const users = await copyUsers(app, await register(app), 110);
      const crowded = newAddress();
      const right = users.map((email) => loginOf(200, email));
      // These contend with others for every row.
      const crowd = Array.from({ length: 40 }, (_, turn) => loginOf(200, users[turn % 5] ?? '', crowded));
      const wrong = Array.from({ length: 150 }, () => loginOf(401, newEmail()));
      await app.query('DELETE FROM rate_limits');
      // So that no share refills completely meanwhile, and the added charges can be summed.
      await useUpLimit(app, LIMITS.all, used, ...SHARES_OF_ALL);
      const before = await globalUseSeconds(app);
      const randomSpy = random === undefined ? undefined : vi.spyOn(Math, 'random').mockReturnValue(random);
      const logins = [crowd, right, wrong].flat().map(async ({ outcome, ...attempt }, turn) => {
        const { status } = await logIn(turn % 2 ? app : other, attempt);
        return { status, outcome };
      });
      const answers = await Promise.all(logins);
      randomSpy?.mockRestore();
      expect(answers.filter(({ status, outcome }) => status !== outcome)).toEqual([]);
      const { quota, seconds } = LIMITS.all;
      expect((await globalUseSeconds(app)) - before).toBeCloseTo(wrong.length * (seconds / quota), 4);
    },
  );
});

/** Seconds of use, summed over all shares of the global limit. */
async function globalUseSeconds(app: TestApp): Promise<number> {
  const keys = SHARES_OF_ALL.map((share) => limitKeys(app).keyFor(LIMITS.all.name, ...share));
  const [row] = await app.query<{ used: number }>(
    `SELECT sum(extract(epoch FROM full_at))::float8 AS used FROM rate_limits WHERE key = ANY($1)`,
    [keys],
  );
  return Number(row?.used);
}

/** Adds users with this one's password. */
async function copyUsers(app: TestApp, email: string, count: number): Promise<string[]> {
  const rows = await app.query<{ email: string }>(
    `INSERT INTO users (id, email, email_lower, password_hash)
     SELECT gen_random_uuid(), n || email, n || email_lower, password_hash FROM users, generate_series(1, $2) n
     WHERE email = $1 RETURNING email`,
    [email, count],
  );
  return rows.map((row) => row.email);
}

/** The state of every limit, by key. */
async function limitStates(app: TestApp): Promise<Record<string, string>> {
  const rows = await app.query<{ key: string; used: string }>(
    `SELECT encode(key, 'hex') AS key, full_at::text AS used FROM rate_limits
     UNION ALL SELECT encode(key, 'hex'), failures::text FROM account_guards`,
  );
  return Object.fromEntries(rows.map(({ key, used }) => [key, used]));
}

describe('a dry run', () => {
  it.each(['address', 'account', 'all'] as const)(
    'charges nothing where the limit %s would refuse, and refunds nothing',
    async (refusing) => {
      const app = await startApp({ changes: { ...LIMITED, rateLimits: 'dry-run' } });
      const limits = app.nest.get(RateLimitsService, { strict: false });
      const { email, userId } = await app.signIn();
      const attempt = { email, address: newAddress() };
      await app.query('DELETE FROM rate_limits');
      await useUpLimit(app, LIMITS.address, refusing === 'address' ? 900 : 300, [attempt.address]);
      await useUpLimit(app, LIMITS.addressAndAccount, 450, [attempt.address, email]);
      await useUpLimit(app, LIMITS.all, refusing === 'all' ? 120 : 30, ...SHARES_OF_ALL);
      await setFailures(app, email, 5, refusing === 'account' ? 3600 : 0);
      const before = await limitStates(app);
      const sessionsKey = limitKeys(app).keyFor(LIMITS.sessionUser.name, email).toString('hex');
      await (await limits.admitLogin(attempt)).refund();
      expect(await limitStates(app)).toEqual(before);
      expect(await (await limits.admitLogin(attempt)).recordSuccess(userId)).toBeTypeOf('string');
      expect(app.nest.get(LimitRefusals, { strict: false }).refusalCounts()[refusing]).toBe(2);
      delete before[sessionsKey];
      const { [sessionsKey]: begun, ...others } = await limitStates(app);
      expect(begun).toBeDefined();
      expect(others).toEqual(before);
    },
  );

  it('keeps a known device that is over its limit, and adds no other device', async () => {
    const app = await startApp({ changes: { ...LIMITED, rateLimits: 'dry-run' } });
    const email = await register(app);
    const tokens = [await deviceOf(app, email), await deviceOf(app, email)];
    const [id] = tokens.map((token) => String(app.nest.get(DeviceTokens, { strict: false }).decodeDeviceToken(token)));
    await useUpLimit(app, LIMITS.sessionUser, 2 * LIMITS.sessionUser.seconds, [String(id)]);
    const devices = () => app.query('SELECT id, failures FROM devices ORDER BY id');
    const before = await devices();
    const deviceToken = tokens[0] ?? '';
    for (let turn = 0; turn < 3; turn++) {
      const answer = await logIn(app, { email, deviceToken });
      expect([answer.status, answer.body['deviceToken']]).toEqual([200, deviceToken]);
    }
    expect(app.nest.get(LimitRefusals, { strict: false }).refusalCounts()['session-user']).toBe(3);
    expect(await devices()).toEqual(before);
    const [{ used } = { used: null }] = await app.query('SELECT id AS used FROM devices ORDER BY used_at DESC LIMIT 1');
    expect(used).toBe(id);
  });

  it('refunds only what it charged where a current password would not be evaluated', async () => {
    const app = await startApp({ changes: { ...LIMITED, rateLimits: 'dry-run' } });
    const address = newAddress();
    const userId = randomUUID();
    await useUpLimit(app, LIMITS.address, 900, [address]);
    await useUpLimit(app, LIMITS.currentPassword, 450, [userId]);
    const before = await limitStates(app);
    const limits = app.nest.get(RateLimitsService, { strict: false });
    await (await limits.admitDeletion(userId, address)).recordSuccess(userId);
    await (await limits.admitDeletion(userId, address)).refund();
    expect(await limitStates(app)).toEqual(before);
  });
});

async function outcomesOf(app: TestApp, count: number, address = newAddress()): Promise<(string | number)[]> {
  const outcomes: (string | number)[] = [];
  for (let turn = 0; turn < count; turn++) outcomes.push(limitOf(await get(app, '/.well-known/jwks.json', address)));
  return outcomes;
}

async function routesWithout429(changes: Partial<Config>): Promise<string[]> {
  const { body } = await (await startApp({ changes })).call('GET', '/openapi.json');
  const operations = Object.entries(body['paths'] as Record<string, Record<string, { responses: object }>>);
  return operations.flatMap(([path, methods]) =>
    Object.values(methods).every(({ responses }) => '429' in responses) ? [] : [path],
  );
}

describe('the limit on all requests of an address', () => {
  const FIVE_A_MINUTE: Partial<Config> = { ...LIMITED, addressRequestsPerMinute: 5 };

  it('applies, once configured, before authentication and before the body is read (BRU-03, BRU-04)', async () => {
    const app = await startApp({ changes: FIVE_A_MINUTE });
    const address = newAddress();
    expect(await outcomesOf(app, 4, address)).toEqual([200, 200, 200, 200]);
    expect((await get(app, '/v1/auth/me', address)).status).toBe(401);
    const headers = { 'x-forwarded-for': address, 'x-real-ip': newAddress(), forwarded: `for=${newAddress()}` };
    for (const [method, path] of [
      ['GET', '/v1/auth/me'],
      ['GET', '/openapi.json'],
      ['POST', '/v1/auth/login'],
    ] as const) {
      const answer = await app.call(method, path, {
        token: 'x.y.z',
        headers,
        ...(method === 'POST' && { json: 'no object' }),
      });
      expect(answer.body).toMatchObject({ code: 'too_many_attempts', status: 429 });
      expect(answer.headers.get('content-type')).toBe('application/problem+json; charset=utf-8');
      expect(answer.headers.get('x-content-type-options')).toBe('nosniff');
      expect(retryAfter(answer)).toBeGreaterThan(30);
      expect(retryAfter(answer)).toBeLessThanOrEqual(60);
      expect(answer.headers.get('ratelimit-policy')).toBe('"request-address";q=5;w=60');
      expect(answer.headers.get('ratelimit')).toBe(`"request-address";r=0;t=${retryAfter(answer)}`);
    }
    expect(app.nest.get(LimitRefusals, { strict: false }).refusalCounts()['request-address']).toBe(3);
    expect(app.nest.get(LoginCounter, { strict: false }).loginOutcomeCounts()).toMatchObject({ limited: 1, wrong: 0 });
  });

  it('counts per /64, and does not apply to probes and other addresses', async () => {
    const app = await startApp({ changes: FIVE_A_MINUTE });
    expect(await outcomesOf(app, 5, '2001:db8:0:1::a')).not.toContain('request-address');
    expect(await outcomesOf(app, 1, '2001:db8:0:1:ffff::b')).toEqual(['request-address']);
    expect(await outcomesOf(app, 1, '2001:db8:0:2::a')).toEqual([200]);
    for (const path of ['/health/live', '/health/serving', '/health/ready']) {
      expect((await get(app, path, '2001:db8:0:1::a')).status).toBe(200);
    }
  });

  it.each([
    ['with the setting 0', { rateLimits: 'on', addressRequestsPerMinute: 0 }, 0],
    ['with rate limits off', { rateLimits: 'off' }, 0],
    ['in a dry run, which only counts', { rateLimits: 'dry-run' }, 2],
  ] as const)('does not refuse %s', async (_case, changes, counted) => {
    const app = await startApp({ changes: { ...FIVE_A_MINUTE, ...changes } });
    expect(await outcomesOf(app, 7)).toEqual(Array(7).fill(200));
    expect(app.nest.get(LimitRefusals, { strict: false }).refusalCounts()['request-address']).toBe(counted);
  });

  it('is documented on the routes that it limits', async () => {
    expect(await routesWithout429(FIVE_A_MINUTE)).toEqual(['/health/live', '/health/serving', '/health/ready']);
    expect(await routesWithout429(LIMITED)).toContain('/v1/auth/me');
  });
});
