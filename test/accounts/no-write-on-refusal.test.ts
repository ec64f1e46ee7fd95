import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { beforeAll, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import type { Config } from '../../src/config/config.js';
import { REVOCATIONS_LOCK } from '../../src/database/advisory-lock.js';
import { networkOf } from '../../src/http/client-network.js';
import { OneTimeTokenCodec } from '../../src/one-time-tokens/one-time-token-codec.js';
import type { AdmittedAttempt } from '../../src/rate-limits/admitted-attempt.js';
import type { ChargeOutcome } from '../../src/rate-limits/charges.js';
import { LIMITS_PER_ATTEMPT } from '../../src/rate-limits/limits-per-attempt.js';
import { LimitRefusals } from '../../src/rate-limits/limit-refusals.js';
import { DeviceTokens } from '../../src/rate-limits/device-tokens.js';
import { ACCOUNT_GUARD, LIMITS, type LimitPolicy } from '../../src/rate-limits/limit-policies.js';
import { RateLimitsRepository } from '../../src/rate-limits/rate-limits.repository.js';
import { RateLimitsService } from '../../src/rate-limits/rate-limits.service.js';
import { PasswordsService } from '../../src/passwords/passwords.service.js';
import { UserAdministrationService } from '../../src/users/user-administration.service.js';
import { PASSWORD, afterAllTests, startApp, type Answer, type TestApp } from '../support/app.js';
import type { SignedIn } from '../support/client.js';
import { MailboxApp } from '../support/mailbox.js';
import { makeLinkToken } from '../support/one-time-links.js';
import { guardKey, limitKeys, setFailures, SHARES_OF_ALL, useUpLimit } from '../support/rate-limit-states.js';

const WRONG = 'not the right passphrase';
const NEW_PASSWORD = 'another long passphrase';
/** A new one for each test, because refusals are cached by address. */
let address = '';
let addresses = 0;
beforeEach(() => {
  address = `198.51.100.${addresses++}`;
});
const LIMITED: Partial<Config> = { rateLimits: 'on', trustedProxies: ['127.0.0.1'] };

/** A hash takes some tenths of a second, and no request waits for a second one. */
const SLOW = { argon2Passes: 60, argon2MemoryKib: 32_768, hashConcurrency: 1, hashQueueMilliseconds: 0 };

let app: TestApp;
let mailbox: MailboxApp;
const onFinished = afterAllTests();
beforeAll(async () => {
  mailbox = await MailboxApp.start({ changes: LIMITED }, onFinished);
  ({ app } = mailbox);
});

const limits = (): RateLimitsService => app.nest.get(RateLimitsService, { strict: false });
const refusals = (): LimitRefusals => app.nest.get(LimitRefusals, { strict: false });
const newEmail = (): string => `${randomUUID()}@example.com`;

/** A user with two sessions and a known device. */
interface Subject extends SignedIn {
  readonly other: SignedIn;
  readonly deviceToken: string;
  readonly deviceId: string;
  /** Of a link by which the address is verified. */
  readonly linkToken: string;
  readonly linkId: string;
  readonly resetToken: string;
}

async function newSubject(): Promise<Subject> {
  const email = newEmail();
  // From another address, so that the set-up does not use up the test's limits.
  const headers = { 'x-forwarded-for': `2001:db8:${randomUUID().slice(0, 4)}:${randomUUID().slice(0, 4)}::1` };
  await app.call('POST', '/v1/auth/register', { json: { email, password: PASSWORD }, headers });
  const other = await app.signInAs(email);
  const login = await app.call('POST', '/v1/auth/login', { json: { email, password: PASSWORD }, headers });
  const deviceToken = String(login.body['deviceToken']);
  const deviceId = String(app.nest.get(DeviceTokens, { strict: false }).decodeDeviceToken(deviceToken));
  const linkToken = await makeLinkToken(app, 'email_verification', other);
  const linkId = String(
    app.nest.get(OneTimeTokenCodec, { strict: false }).decodeToken('email_verification', linkToken),
  );
  const resetToken = await makeLinkToken(app, 'password_reset', other);
  const signedIn = await app.signInAs(email);
  // No job has anything to write from now on.
  await mailbox.deliverMail();
  return { ...signedIn, other, deviceToken, deviceId, linkToken, linkId, resetToken };
}

/** Every row of every table with its physical position and the transactions that last wrote or locked it. */
async function allRows(): Promise<Record<string, unknown[]>> {
  const names = await app.query<{ name: string }>(
    `SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public' ORDER BY 1`,
  );
  const tables = names.map(({ name }) => name);
  const rows = tables.map((name) =>
    app.query(`SELECT ctid::text, xmin::text, xmax::text, t::text FROM ${name} t ORDER BY ctid`),
  );
  return Object.fromEntries((await Promise.all(rows)).map((each, index) => [tables[index], each]));
}

const WRITTEN_TABLES = [
  'users',
  'sessions',
  'revocations',
  'devices',
  'audit_events',
  'one_time_tokens',
  'mail_requests',
  'mails',
];

type Request = (subject: Subject) => readonly [method: string, path: string, options: Parameters<TestApp['call']>[2]];

const from = {
  get headers() {
    return { 'x-forwarded-for': address };
  },
};
const authenticated = ({ token }: Subject, json: object) => ({ ...from, token, json });

const REQUESTS = {
  login: ({ email }) => ['POST', '/v1/auth/login', { ...from, json: { email, password: PASSWORD } }],
  'login of a known device': ({ email, deviceToken }) => [
    'POST',
    '/v1/auth/login',
    { ...from, json: { email, password: PASSWORD, deviceToken } },
  ],
  register: ({ email }) => ['POST', '/v1/auth/register', { ...from, json: { email, password: PASSWORD } }],
  refresh: ({ refreshToken }) => ['POST', '/v1/auth/refresh', { ...from, json: { refresh_token: refreshToken } }],
  'change of password': (subject) => [
    'POST',
    '/v1/users/me/password',
    authenticated(subject, { currentPassword: PASSWORD, newPassword: NEW_PASSWORD }),
  ],
  'change of profile': (subject) => ['PATCH', '/v1/users/me', authenticated(subject, { profile: { name: 'Ada' } })],
  export: ({ token }) => ['GET', '/v1/users/me/export', { ...from, token }],
  deletion: (subject) => ['POST', '/v1/users/me/deletion', authenticated(subject, { currentPassword: PASSWORD })],
  'change of address': (subject) => [
    'POST',
    '/v1/users/me/email',
    authenticated(subject, { currentPassword: PASSWORD, newEmail: `new-${subject.email}` }),
  ],
  'request for mail': ({ email }) => ['POST', '/v1/auth/password-reset', { ...from, json: { email } }],
  'use of a link': ({ resetToken }) => [
    'POST',
    '/v1/auth/password-reset/confirm',
    { ...from, json: { token: resetToken, newPassword: NEW_PASSWORD } },
  ],
  'use of a link with a password': ({ linkToken }) => [
    'POST',
    '/v1/auth/email-verification/confirm',
    { ...from, json: { token: linkToken, password: PASSWORD } },
  ],
  logout: ({ token }) => ['POST', '/v1/auth/logout', { ...from, token }],
  'logout of the others': ({ token }) => ['POST', '/v1/auth/logout?scope=others', { ...from, token }],
  'logout of all': ({ token }) => ['POST', '/v1/auth/logout?scope=global', { ...from, token }],
  'logout by refresh token': ({ refreshToken }) => [
    'POST',
    '/v1/auth/logout',
    { ...from, json: { refresh_token: refreshToken } },
  ],
  'logout of the others by refresh token': ({ refreshToken }) => [
    'POST',
    '/v1/auth/logout?scope=others',
    { ...from, json: { refresh_token: refreshToken } },
  ],
  'end of one session': ({ token, other }) => ['DELETE', `/v1/auth/sessions/${other.sessionId}`, { ...from, token }],
} satisfies Record<string, Request>;

type Use = (subject: Subject) => Promise<unknown>;
const used =
  (policy: LimitPolicy, whom: (subject: Subject) => readonly string[][]): Use =>
  (subject) =>
    useUpLimit(app, policy, 2 * policy.seconds, ...whom(subject));
const guarded: Use = ({ email }) => setFailures(app, email, 100, 3600);

const ADDRESS_USED = used(LIMITS.address, () => [[address]]);
const LOGOUTS_USED = used(LIMITS.logoutSession, ({ sessionId }) => [[sessionId]]);

/** Every limit of every endpoint: how to use it up, and the limit's name in the response if it differs. */
const REFUSALS: readonly [request: keyof typeof REQUESTS, limit: string, use: Use, shown?: string][] = [
  ['login', 'address', ADDRESS_USED],
  ['login', 'address-and-account', used(LIMITS.addressAndAccount, ({ email }) => [[address, email]])],
  ['login', 'all', used(LIMITS.all, () => SHARES_OF_ALL)],
  ['login', 'account', guarded],
  ['login', 'session-user', used(LIMITS.sessionUser, ({ email }) => [[email]]), 'account'],
  ['login of a known device', 'session-user', used(LIMITS.sessionUser, ({ deviceId }) => [[deviceId]])],
  [
    'login of a known device',
    'account',
    async (subject) => {
      await app.query('UPDATE devices SET failures = 10 WHERE id = $1', [subject.deviceId]);
      await guarded(subject);
    },
  ],
  ['register', 'register-address', used(LIMITS.registerAddress, () => [[address]])],
  ['register', 'register-account', used(LIMITS.registerAccount, ({ email }) => [[email]])],
  ['refresh', 'refresh-address', used(LIMITS.refreshAddress, () => [[address]])],
  ['refresh', 'refresh-session', used(LIMITS.refreshSession, ({ sessionId }) => [[sessionId]])],
  ['change of password', 'address', ADDRESS_USED],
  ['change of password', 'current-password', used(LIMITS.currentPassword, ({ userId }) => [[userId]])],
  ['change of password', 'password-user', used(LIMITS.passwordUser, ({ userId }) => [[userId]])],
  ['change of profile', 'profile-user', used(LIMITS.profileUser, ({ userId }) => [[userId]])],
  ['export', 'export-user', used(LIMITS.exportUser, ({ userId }) => [[userId]])],
  ['change of address', 'address', ADDRESS_USED],
  ['change of address', 'current-password', used(LIMITS.currentPassword, ({ userId }) => [[userId]])],
  ['change of address', 'email-user', used(LIMITS.emailUser, ({ userId }) => [[userId]])],
  ['request for mail', 'mail-address', used(LIMITS.mailAddress, () => [[address]])],
  ['request for mail', 'mail-network', used(LIMITS.mailNetwork, () => [[networkOf(address) ?? '']])],
  ['request for mail', 'mail-account', used(LIMITS.mailAccount, ({ email }) => [[email]])],
  ['use of a link', 'link-address', used(LIMITS.linkAddress, () => [[address]])],
  ['use of a link with a password', 'link-address', used(LIMITS.linkAddress, () => [[address]])],
  ['use of a link with a password', 'address', ADDRESS_USED],
  ['use of a link with a password', 'link-password', used(LIMITS.linkPassword, ({ linkId }) => [[linkId]])],
  ['deletion', 'address', ADDRESS_USED],
  ['deletion', 'current-password', used(LIMITS.currentPassword, ({ userId }) => [[userId]])],
  ['logout', 'logout-session', LOGOUTS_USED],
  ['logout of the others', 'logout-session', LOGOUTS_USED],
  ['logout of all', 'logout-session', LOGOUTS_USED],
  ['logout by refresh token', 'logout-session', LOGOUTS_USED],
  ['logout of the others by refresh token', 'logout-session', LOGOUTS_USED],
  ['end of one session', 'logout-session', LOGOUTS_USED],
];

function send(subject: Subject, request: keyof typeof REQUESTS): Promise<Answer> {
  const [method, path, options] = REQUESTS[request](subject);
  return app.call(method, path, options);
}

const limitOf = ({ status, headers }: Answer): string | number =>
  status === 429 ? (/^"([a-z-]+)"/.exec(headers.get('ratelimit') ?? '')?.[1] ?? '') : status;

describe('a request that a rate limit refuses', () => {
  it.each(REFUSALS)('changes and locks no row: %s by %s (BRU-08)', async (request, limit, use, shown = limit) => {
    const subject = await newSubject();
    await app.query('DELETE FROM rate_limits');
    await use(subject);
    const before = await allRows();
    const counted = refusals().refusalCounts()[limit] ?? 0;
    expect(limitOf(await send(subject, request))).toBe(shown);
    expect(await allRows()).toEqual(before);
    expect(refusals().refusalCounts()[limit]).toBe(counted + 1);
    await app.query('DELETE FROM rate_limits');
  });

  it('is tested above for every limit of every kind of attempt', () => {
    const kinds: Record<keyof typeof LIMITS_PER_ATTEMPT, keyof typeof REQUESTS> = {
      login: 'login',
      registration: 'register',
      refresh: 'refresh',
      passwordChange: 'change of password',
      profileChange: 'change of profile',
      export: 'export',
      emailChange: 'change of address',
      mailRequest: 'request for mail',
      linkUse: 'use of a link',
      linkPassword: 'use of a link with a password',
      deletion: 'deletion',
      logout: 'logout',
    };
    const policies: Record<string, { readonly name: string }> = { ...LIMITS, account: ACCOUNT_GUARD };
    const expected = Object.entries(LIMITS_PER_ATTEMPT).flatMap(([kind, attempt]) =>
      [...Object.keys(attempt.charges), ...('onSuccess' in attempt ? [attempt.onSuccess] : [])].map(
        (limit) => `${kinds[kind as keyof typeof LIMITS_PER_ATTEMPT]}: ${policies[limit]?.name}`,
      ),
    );
    const tried = new Set(REFUSALS.map(([request, limit]) => `${request}: ${limit}`));
    expect(expected.filter((each) => !tried.has(each))).toEqual([]);
  });

  it('adds no row: a thousand logins to as many accounts while the global limit is used up (BRU-08)', async () => {
    await useUpLimit(app, LIMITS.all, 600, ...SHARES_OF_ALL);
    const before = await allRows();
    for (let round = 0; round < 100; round++) {
      const refused = Array.from({ length: 10 }, () => limits().admitLogin({ email: newEmail(), address }));
      const outcomes = await Promise.allSettled(refused);
      expect(outcomes.map(({ status }) => status)).toEqual(Array(10).fill('rejected'));
    }
    expect(await allRows()).toEqual(before);
    await app.query('DELETE FROM rate_limits');
  });

  it('does not lock the account: correct passwords while the global limit is used up (BRU-05, BRU-08)', async () => {
    const subject = await newSubject();
    await useUpLimit(app, LIMITS.all, 600, ...SHARES_OF_ALL);
    for (let turn = 0; turn < 12; turn++) expect(limitOf(await send(subject, 'login'))).toBe('all');
    await app.query('DELETE FROM rate_limits');
    expect((await send(subject, 'login')).status).toBe(200);
  });

  it('returns a Retry-After after which all limits allow it, and a RateLimit of the first that refuses (BRU-04)', async () => {
    const subject = await newSubject();
    await useUpLimit(app, LIMITS.address, 660, [address]);
    await setFailures(app, subject.email, 50, 300);
    // The second is refused from the cache.
    for (let turn = 0; turn < 2; turn++) {
      const { headers } = await send(subject, 'login');
      // The first limit refuses for another 66 s, the other for 300 s.
      const [, seconds] = /^"address";r=0;t=(\d+)$/.exec(headers.get('ratelimit') ?? '') ?? [];
      expect(Number(seconds)).toBeOneOf(Array.from({ length: 30 }, (_, passed) => 66 - passed));
      expect(Number(headers.get('retry-after'))).toBeOneOf(Array.from({ length: 30 }, (_, passed) => 300 - passed));
    }
    await app.query('DELETE FROM rate_limits');
  });
});

const logInWith = (json: object): Promise<Answer> => app.call('POST', '/v1/auth/login', { ...from, json });

describe('a refusal by the limit of an address', () => {
  it('is cached for a moment, by address and account, and never applies to a device token (BRU-05)', async () => {
    const { email, deviceToken } = await newSubject();
    await useUpLimit(app, LIMITS.addressAndAccount, 2000, [address, email]);
    expect(limitOf(await logInWith({ email, password: PASSWORD }))).toBe('address-and-account');
    await app.query('DELETE FROM rate_limits');
    expect(limitOf(await logInWith({ email, password: PASSWORD }))).toBe('address-and-account');
    expect((await logInWith({ email: newEmail(), password: WRONG })).status).toBe(401);
    expect((await logInWith({ email, password: PASSWORD, deviceToken })).status).toBe(200);
    await useUpLimit(app, LIMITS.address, 2000, [address]);
    expect(limitOf(await logInWith({ email: newEmail(), password: WRONG }))).toBe('address');
    await app.query('DELETE FROM rate_limits');
    expect(limitOf(await logInWith({ email: newEmail(), password: WRONG }))).toBe('address');
    expect((await logInWith({ email, password: PASSWORD, deviceToken })).status).toBe(200);
  });

  it.each([
    ['address', 'recordSuccess', LIMITS.address],
    ['address', 'refund', LIMITS.address],
    ['address-and-account', 'recordSuccess', LIMITS.addressAndAccount],
    ['address-and-account', 'refund', LIMITS.addressAndAccount],
  ] as const)(
    'by %s is dropped from the cache when the attempt that took the last place calls %s (BRU-05)',
    async (limit, end, policy) => {
      // With the clock stopped, cached refusals do not expire.
      vi.useFakeTimers({ toFake: ['performance'] });
      onTestFinished(() => void vi.useRealTimers());
      const { email, userId } = await newSubject();
      const attempt = { email, address };
      const room = 1.01 * (policy.seconds / policy.quota);
      await useUpLimit(app, policy, policy.seconds - room, [address, ...(limit === 'address' ? [] : [email])]);
      const first = await limits().admitLogin(attempt);
      await expect(limits().admitLogin(attempt)).rejects.toMatchObject({ securityEvent: { limit } });
      await first[end](userId);
      await (await limits().admitLogin(attempt)).refund();
      await app.query('DELETE FROM rate_limits');
    },
  );
});

describe('a request that is refused before the rate limits', () => {
  it('changes no row and is not audited: router, schema, access, hash overload (BRU-08)', async () => {
    const subject = await newSubject();
    const narrow = await startApp({
      databaseUrl: app.databaseUrl,
      changes: { ...LIMITED, ...SLOW, addressRequestsPerMinute: 1 },
    });
    const passwords = narrow.nest.get(PasswordsService, { strict: false });
    // Rows that have refilled may be purged at any time.
    await app.query('DELETE FROM rate_limits');
    const before = await allRows();
    const credentials = { email: subject.email, password: PASSWORD };
    const answers = [
      await app.call('GET', '/v1/nowhere'),
      await app.call('PUT', '/v1/auth/login', { json: credentials }),
      await app.call('POST', '/v1/auth/login', { json: { ...credentials, more: 1 } }),
      await app.call('POST', '/v1/auth/login', { json: { ...credentials, email: 'nobody' } }),
      await app.call('POST', '/v1/users/me/password', {
        json: { currentPassword: PASSWORD, newPassword: NEW_PASSWORD },
      }),
      await app.call('POST', '/v1/auth/logout', { json: { refresh_token: 'x' } }),
      await app.refresh('x'),
    ];
    expect(answers.map(({ status }) => status)).toEqual([404, 405, 400, 400, 401, 401, 401]);
    const hash = passwords.hashPassword('a passphrase of some length');
    expect((await narrow.login(subject.email)).status).toBe(503);
    expect(limitOf(await narrow.login(subject.email))).toBe('request-address');
    await hash;
    expect(await allRows()).toEqual(before);
  });
});

/** The state of every limit, by key. */
async function limitStates(): Promise<Record<string, string>> {
  const rows = await app.query<{ key: string; used: string }>(
    `SELECT encode(key, 'hex') AS key, full_at::text AS used FROM rate_limits
     UNION ALL SELECT encode(key, 'hex'), failures || ' ' || next_at FROM account_guards`,
  );
  return Object.fromEntries(rows.map(({ key, used: much }) => [key, much]));
}

async function failuresOf({ deviceId }: Subject): Promise<number | undefined> {
  const [row] = await app.query<{ failures: number }>('SELECT failures FROM devices WHERE id = $1', [deviceId]);
  return row?.failures;
}

const USE_UP = `INSERT INTO rate_limits (key, full_at) SELECT key, now() + interval '2 hours' FROM unnest($1::bytea[]) key`;
const addressKey = (): string => limitKeys(app).keyFor(LIMITS.address.name, address).toString('hex');

type UseUpHeld = (holder: pg.Client, subject: Subject) => Promise<string[]>;

/** Uses a limit up in the holder's open transaction; resolves with the keys. */
const usingUp =
  ({ name }: LimitPolicy, whom: (subject: Subject) => readonly string[][]): UseUpHeld =>
  async (holder, subject) => {
    const keys = whom(subject).map((parts) => limitKeys(app).keyFor(name, ...parts));
    await holder.query(USE_UP, [keys]);
    return keys.map((key) => key.toString('hex'));
  };

const lockAccount: UseUpHeld = async (holder, { email }) => {
  const key = guardKey(app, email);
  await holder.query(`INSERT INTO account_guards (key, failures, next_at) VALUES ($1, 50, now() + interval '1 hour')`, [
    key,
  ]);
  return [key.toString('hex')];
};

/** The number of locks that wait for the holder's transaction. */
async function waitingLocks(holder: pg.Client): Promise<number> {
  const { rows } = await holder.query<{ count: number }>(
    `SELECT count(*)::int FROM pg_locks l WHERE NOT l.granted AND pg_backend_pid() = ANY (pg_blocking_pids(l.pid))`,
  );
  return rows[0]?.count ?? 0;
}

/**
 * The contended limit, the number of limits charged before it, how the other transaction uses it up, and the attempt.
 */
const RACES: [string, number, UseUpHeld, (subject: Subject) => Promise<AdmittedAttempt>][] = [
  [
    'address-and-account',
    1,
    usingUp(LIMITS.addressAndAccount, ({ email }) => [[address, email]]),
    ({ email }) => limits().admitLogin({ email, address }),
  ],
  ['all', 2, usingUp(LIMITS.all, () => SHARES_OF_ALL), ({ email }) => limits().admitLogin({ email, address })],
  ['account', 3, lockAccount, ({ email }) => limits().admitLogin({ email, address })],
  [
    'current-password',
    1,
    usingUp(LIMITS.currentPassword, ({ userId }) => [[userId]]),
    ({ userId }) => limits().admitPasswordChange(userId, address),
  ],
  [
    'register-account',
    1,
    usingUp(LIMITS.registerAccount, ({ email }) => [[email]]),
    ({ email }) => limits().admitRegistration(email, address),
  ],
  [
    'refresh-session',
    1,
    usingUp(LIMITS.refreshSession, ({ sessionId }) => [[sessionId]]),
    ({ sessionId }) => limits().admitRefresh(sessionId, address),
  ],
];

describe('an attempt', () => {
  it('is charged in the order of the table, to one share of each limit, and not yet to the limit of successes', async () => {
    const email = newEmail();
    const before = await limitStates();
    await limits().admitLogin({ email, address });
    const now = Object.keys(await limitStates()).filter((key) => !Object.hasOwn(before, key));
    const keys = limitKeys(app);
    const shares = new Set(SHARES_OF_ALL.map((share) => keys.keyFor('all', ...share).toString('hex')));
    expect(Object.keys(LIMITS_PER_ATTEMPT.login.charges)).toEqual(['address', 'addressAndAccount', 'all', 'account']);
    expect(new Set(now.filter((key) => !shares.has(key)))).toEqual(
      new Set([
        keys.keyFor('address', address).toString('hex'),
        keys.keyFor('address-and-account', address, email).toString('hex'),
        guardKey(app, email).toString('hex'),
      ]),
    );
    await app.query('DELETE FROM rate_limits');
  });

  it.each([
    ['login', ({ email }: Subject) => limits().admitLogin({ email, address })],
    [
      'login of a known device',
      ({ email, deviceToken }: Subject) => limits().admitLogin({ email, address, deviceToken }),
    ],
    ['change of password', ({ userId }: Subject) => limits().admitPasswordChange(userId, address)],
    ['change of profile', ({ userId }: Subject) => limits().admitProfileChange(userId)],
    ['export', ({ userId }: Subject) => limits().admitExport(userId)],
    ['deletion', ({ userId }: Subject) => limits().admitDeletion(userId, address)],
    ['registration', ({ email }: Subject) => limits().admitRegistration(email, address)],
    ['refresh', ({ sessionId }: Subject) => limits().admitRefresh(sessionId, address)],
    ['logout', ({ sessionId }: Subject) => limits().admitLogout(sessionId)],
  ] as const)('that is withdrawn leaves no row and no charge: %s (BRU-08)', async (_case, admit) => {
    const subject = await newSubject();
    await app.query('DELETE FROM rate_limits');
    // One charge refills within a second; prior use keeps the rows from expiring during the test.
    await useUpLimit(app, LIMITS.all, 50, ...SHARES_OF_ALL);
    await useUpLimit(app, LIMITS.refreshAddress, 50, [address]);
    await useUpLimit(app, LIMITS.refreshSession, 50, [subject.sessionId]);
    await useUpLimit(app, LIMITS.logoutSession, 50, [subject.sessionId]);
    const read = async () => ({ limitStates: await limitStates(), failures: await failuresOf(subject) });
    const before = await read();
    const first = await admit(subject);
    const charged = await read();
    expect(charged).not.toEqual(before);
    // Of two attempts, refunding one refunds only its own charge.
    await (await admit(subject)).refund();
    expect(new Set(Object.keys((await read()).limitStates))).toEqual(new Set(Object.keys(charged.limitStates)));
    expect((await read()).failures).toEqual(charged.failures);
    await first.refund();
    expect(await read()).toEqual(before);
    await app.query('DELETE FROM rate_limits');
  });

  it.each(['login', 'login of a known device', 'deletion'] as const)(
    'that is withdrawn after another succeeded does not refund charges made since: %s (BRU-08)',
    async (kind) => {
      const subject = await newSubject();
      const { email, userId, deviceToken } = subject;
      await app.query('DELETE FROM rate_limits');
      const admit = () =>
        kind === 'deletion'
          ? limits().admitDeletion(userId, address)
          : limits().admitLogin({ email, address, ...(kind !== 'login' && { deviceToken }) });
      const aborted = [await admit(), await admit(), await admit()];
      await (await admit()).recordSuccess(userId);
      await admit();
      const keys = limitKeys(app);
      const reset = new Set(
        [
          keys.keyFor('address-and-account', address, email),
          keys.keyFor('current-password', userId),
          guardKey(app, email),
        ].map((key) => key.toString('hex')),
      );
      const read = async () => [
        await failuresOf(subject),
        Object.entries(await limitStates()).filter(([key]) => reset.has(key)),
      ];
      const before = await read();
      for (const each of aborted) await each.refund();
      expect(await read()).toEqual(before);
      await app.query('DELETE FROM rate_limits');
    },
  );

  it.each(RACES)(
    'that loses a race for %s after it was charged is refused and refunded (BRU-08)',
    async (_limit, chargedBefore, useUpHeld, admit) => {
      const subject = await newSubject();
      const whole = { ...subject, email: newEmail() };
      await app.query('DELETE FROM rate_limits');
      const holder = new pg.Client({ connectionString: app.databaseUrl });
      await holder.connect();
      onTestFinished(() => holder.end());
      await holder.query('BEGIN');
      const keys = await useUpHeld(holder, whole);
      const chargeAttempt = vi.spyOn(app.nest.get(RateLimitsRepository, { strict: false }), 'chargeAttempt');
      onTestFinished(() => chargeAttempt.mockRestore());
      const before = await limitStates();
      const refused = expect(admit(whole)).rejects.toMatchObject({ kind: { status: 429 } });
      await expect.poll(() => waitingLocks(holder), { interval: 5 }).toBe(1);
      await holder.query('COMMIT');
      await refused;
      const outcomes = await Promise.all(
        chargeAttempt.mock.results.map(({ value }) => value as Promise<ChargeOutcome>),
      );
      expect(outcomes.map(({ kind }) => kind)).toEqual(['raced', 'refused']);
      const [raced] = outcomes;
      expect(raced?.kind === 'raced' && raced.applied.charges.length).toBe(chargedBefore);
      const after = await limitStates();
      for (const key of keys) delete after[key];
      expect(after).toEqual(before);
      await app.query('DELETE FROM rate_limits');
    },
  );

  it('that loses every race is refused for a second and refunded in full (BRU-08)', async () => {
    const subject = await newSubject();
    const { userId } = subject;
    await app.query('DELETE FROM rate_limits');
    const key = limitKeys(app).keyFor(LIMITS.currentPassword.name, userId);
    const repository = app.nest.get(RateLimitsRepository, { strict: false });
    const chargeAttempt = repository.chargeAttempt.bind(repository);
    const holder = new pg.Client({ connectionString: app.databaseUrl });
    await holder.connect();
    onTestFinished(() => holder.end());
    const kinds: string[] = [];
    // Before each try the limit is reset, and while it is charged another transaction uses it up.
    const spy = vi.spyOn(repository, 'chargeAttempt').mockImplementation(async (attempt) => {
      await app.query('DELETE FROM rate_limits WHERE key = $1', [key]);
      await holder.query('BEGIN');
      await holder.query(USE_UP, [[key]]);
      const outcome = chargeAttempt(attempt);
      await expect.poll(() => waitingLocks(holder), { interval: 5 }).toBe(1);
      await holder.query('COMMIT');
      kinds.push((await outcome).kind);
      return outcome;
    });
    onTestFinished(() => spy.mockRestore());
    await expect(limits().admitDeletion(userId, address)).rejects.toMatchObject({
      kind: { status: 429 },
      headers: { 'retry-after': '1' },
    });
    expect(kinds).toEqual(['raced', 'raced', 'raced']);
    expect(Object.keys(await limitStates())).toEqual(expect.not.arrayContaining([addressKey()]));
    await app.query('DELETE FROM rate_limits');
  });

  it('counts when it was evaluated: a taken address, a refused new password, a wrong password (BRU-08)', async () => {
    const subject = await newSubject();
    await app.query('DELETE FROM rate_limits');
    const attemptsOf = async ({ name, seconds, quota }: LimitPolicy, ...whom: string[]): Promise<number> => {
      const [row] = await app.query<{ used: number }>(
        'SELECT extract(epoch FROM full_at - now())::float8 AS used FROM rate_limits WHERE key = $1',
        [limitKeys(app).keyFor(name, ...whom)],
      );
      return Math.round((row?.used ?? 0) / (seconds / quota));
    };
    expect((await send(subject, 'register')).status).toBe(409);
    const json = { email: subject.email, password: 'short' };
    expect((await app.call('POST', '/v1/auth/register', { ...from, json })).status).toBe(422);
    expect(await attemptsOf(LIMITS.registerAddress, address)).toBe(2);
    for (const [newPassword, status] of [
      ['short', 422],
      [NEW_PASSWORD, 401],
    ] as const) {
      const currentPassword = status === 401 ? WRONG : PASSWORD;
      const change = authenticated(subject, { currentPassword, newPassword });
      expect((await app.call('POST', '/v1/users/me/password', change)).status).toBe(status);
    }
    expect(await attemptsOf(LIMITS.currentPassword, subject.userId)).toBe(2);
    expect(await attemptsOf(LIMITS.passwordUser, subject.userId)).toBe(0);
    await app.query('DELETE FROM rate_limits');
  });
});

const accounts = (): UserAdministrationService => app.nest.get(UserAdministrationService, { strict: false });
/** All rows except those that count attempts. */
const contents = async () =>
  Promise.all(WRITTEN_TABLES.map((table) => app.query(`SELECT xmin::text, t::text FROM ${table} t ORDER BY ctid`)));
const securityLineCount = () => app.log().filter(({ msg }) => msg === 'security').length;

describe('a request without effect', () => {
  const WITHOUT_EFFECT: [
    string,
    number,
    (subject: Subject) => Promise<unknown>,
    (subject: Subject) => Promise<unknown>,
  ][] = [
    [
      'a logout of others where there are none',
      2,
      (s) => send(s, 'logout of the others'),
      (s) => send(s, 'logout of the others'),
    ],
    [
      'a logout of others by refresh token where there are none',
      2,
      (s) => send(s, 'logout of the others by refresh token'),
      (s) => send(s, 'logout of the others by refresh token'),
    ],
    [
      'a logout of a session that has ended',
      2,
      (s) => send(s, 'logout by refresh token'),
      (s) => send(s, 'logout by refresh token'),
    ],
    [
      'the end of a session that has ended',
      4,
      (s) => send(s, 'end of one session'),
      (s) => send(s, 'end of one session'),
    ],
    ['a repeated refresh', 2, (s) => send(s, 'refresh'), (s) => send(s, 'refresh')],
    [
      'a change of password to the same one, with no other session or device',
      2,
      (s) =>
        send(s, 'logout of the others').then(() => app.query('DELETE FROM devices WHERE user_id = $1', [s.userId])),
      (s) =>
        app.call(
          'POST',
          '/v1/users/me/password',
          authenticated(s, { currentPassword: PASSWORD, newPassword: PASSWORD }),
        ),
    ],
    [
      'enabling an enabled user',
      2,
      ({ email }) => accounts().enableUser(email),
      ({ email }) => accounts().enableUser(email),
    ],
    [
      'disabling a disabled user',
      2,
      ({ email }) => accounts().disableUser(email),
      ({ email }) => accounts().disableUser(email),
    ],
    [
      'unlocking a user who is not locked',
      2,
      ({ email }) => accounts().unlockUser(email),
      ({ email }) => accounts().unlockUser(email),
    ],
  ];

  it.each(WITHOUT_EFFECT)(
    'adds no audit row, no log line and no revocation: %s (BRU-08)',
    async (_case, hundreds, once, again) => {
      const subject = await newSubject();
      await once(subject);
      const [before, lines] = [await contents(), securityLineCount()];
      for (let turn = 0; turn < 3; turn++) {
        const answer = await again(subject);
        if (answer !== undefined) expect(Math.floor((answer as Answer).status / 100)).toBe(hundreds);
      }
      expect(await contents()).toEqual(before);
      expect(securityLineCount()).toBe(lines);
    },
  );

  it('waits for no lock: a logout of the other sessions where there are none (BRU-08)', async () => {
    const subject = await newSubject();
    await send(subject, 'logout of the others');
    const holder = new pg.Client({ connectionString: app.databaseUrl });
    await holder.connect();
    onTestFinished(() => holder.end());
    await holder.query('BEGIN');
    await holder.query('SELECT FROM users WHERE id = $1 FOR UPDATE', [subject.userId]);
    await holder.query('SELECT pg_advisory_xact_lock($1)', [REVOCATIONS_LOCK]);
    expect((await send(subject, 'logout of the others')).status).toBe(204);
  });
});

const logIn = (email: string, json: object = {}, password = PASSWORD): Promise<Answer> =>
  app.call('POST', '/v1/auth/login', { ...from, json: { email, password, ...json } });

describe('a signed-in user', () => {
  it('may log in 200 times an hour from all unknown devices together, and as often from each known device (BRU-09)', async () => {
    const { email, deviceToken } = await newSubject();
    const devices = [deviceToken, String((await logIn(email)).body['deviceToken'])];
    await app.query('DELETE FROM rate_limits');
    const { seconds, quota } = LIMITS.sessionUser;
    const share = seconds / quota;
    await useUpLimit(app, LIMITS.sessionUser, seconds - 1.5 * share, [email]);
    // A wrong password starts no session, so it is not charged.
    expect((await logIn(email, {}, WRONG)).status).toBe(401);
    expect((await logIn(email)).status).toBe(200);
    for (const password of [PASSWORD, WRONG]) expect(limitOf(await logIn(email, {}, password))).toBe('account');
    const ids = devices.map((token) => String(app.nest.get(DeviceTokens, { strict: false }).decodeDeviceToken(token)));
    await useUpLimit(app, LIMITS.sessionUser, seconds - 1.5 * share, [String(ids[0])]);
    expect((await logIn(email, { deviceToken: devices[0] })).status).toBe(200);
    for (const password of [PASSWORD, WRONG]) {
      expect(limitOf(await logIn(email, { deviceToken: devices[0] }, password))).toBe('session-user');
    }
    expect((await logIn(email, { deviceToken: devices[1] })).status).toBe(200);
    await app.query('DELETE FROM rate_limits');
  });

  it('who reaches the limit of sessions looks to others like an unknown account (ENU-04, BRU-09)', async () => {
    const [{ email }, unknown] = [await newSubject(), newEmail()];
    await useUpLimit(app, LIMITS.sessionUser, LIMITS.sessionUser.seconds, [email]);
    await setFailures(app, unknown, 50, 18);
    const answers = await Promise.all([email, unknown].map((each) => logIn(each, {}, WRONG)));
    const [one, other] = answers.map(({ status, headers, body: { instance: _instance, ...body } }) => {
      const fixed = [...headers].filter(
        ([name]) => !['date', 'x-request-id', 'retry-after', 'ratelimit'].includes(name),
      );
      const [limit, seconds] = headers.get('ratelimit')?.split(';t=') ?? [];
      return { visible: { status, fixed, body, limit }, seconds: [seconds, headers.get('retry-after')].map(Number) };
    });
    expect(one?.visible).toEqual(other?.visible);
    // The clock may advance by a second between the two.
    for (const [index, seconds] of (one?.seconds ?? []).entries()) {
      expect(Math.abs(seconds - (other?.seconds[index] ?? 0))).toBeLessThanOrEqual(3);
    }
  });

  it('may change the password twenty times an hour, not counting wrong current passwords (BRU-09)', async () => {
    const subject = await newSubject();
    const { seconds, quota } = LIMITS.passwordUser;
    await useUpLimit(app, LIMITS.passwordUser, seconds - 1.5 * (seconds / quota), [subject.userId]);
    const change = (currentPassword: string, newPassword: string) =>
      app.call('POST', '/v1/users/me/password', authenticated(subject, { currentPassword, newPassword }));
    expect((await change(WRONG, NEW_PASSWORD)).status).toBe(401);
    expect((await change(PASSWORD, NEW_PASSWORD)).status).toBe(204);
    expect(limitOf(await change(NEW_PASSWORD, PASSWORD))).toBe('password-user');
    await app.query('DELETE FROM rate_limits');
  });

  it('may log out sixty times a minute per session (BRU-09)', async () => {
    const subject = await newSubject();
    const outcomes: (string | number)[] = [];
    const startedAt = performance.now();
    // One more is allowed each second.
    while (outcomes.at(-1) !== 'logout-session' && outcomes.length < 300) {
      outcomes.push(limitOf(await send(subject, 'logout of the others')));
    }
    expect(outcomes.pop()).toBe('logout-session');
    expect(new Set(outcomes)).toEqual(new Set([204]));
    expect(outcomes.length).toBeGreaterThanOrEqual(60);
    expect(outcomes.length).toBeLessThanOrEqual(61 + (performance.now() - startedAt) / 1000);
    const owner = await app.signInAs(subject.email);
    expect((await app.logout(owner.token, 'others')).status).toBe(204);
  });
});
