import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import pg from 'pg';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { KeyAdministrationService } from '../../src/auth/key-administration.service.js';
import type { Config } from '../../src/config/config.js';
import { BackgroundJobs } from '../../src/jobs/background-jobs.js';
import { networkOf } from '../../src/http/client-network.js';
import { MailDeliveryService } from '../../src/mail/mail-delivery.service.js';
import { statedCombinations } from '../../src/metrics/combined-metrics.js';
import { MetricsRegistry } from '../../src/metrics/metrics.registry.js';
import { MetricsServer } from '../../src/metrics/metrics.server.js';
import { OneTimeTokenCodec } from '../../src/one-time-tokens/one-time-token-codec.js';
import { LIMITS } from '../../src/rate-limits/limit-policies.js';
import { MailboxApp } from '../support/mailbox.js';
import { makeLinkToken } from '../support/one-time-links.js';
import { PASSWORD, afterAllTests, startApp, type TestApp } from '../support/app.js';
import { setFailures, SHARES_OF_ALL, useUpLimit } from '../support/rate-limit-states.js';

/** `workers-metrics.test.ts` covers them. */
const ONLY_OF_SEVERAL_PROCESSES = ['gatehouse_workers', 'gatehouse_workers_silent'];
const WRONG = 'not the right passphrase';
const MEASURED: Partial<Config> = { metricsPort: 0, rateLimits: 'on', trustedProxies: ['127.0.0.1'] };
/** A hash whose verification takes some tenths of a second. */
const SLOW_HASH = `$argon2id$v=19$m=65536,t=12,p=1$${'A'.repeat(22)}$${'A'.repeat(43)}`;

/** Prepares an action that changes a metric, and the application in which it does. */
type Arrange = () => Promise<{ readonly app: TestApp; readonly go: () => unknown }>;

let app: TestApp;
/** Applications with one hashing thread, and a long, a short and no queue time. */
let hashing: Record<'longQueue' | 'shortQueue' | 'noQueue', TestApp>;
const onFinished = afterAllTests();
function start(changes: Partial<Config>): Promise<TestApp> {
  return startApp({ changes: { ...MEASURED, ...changes } }, onFinished);
}

beforeAll(async () => {
  ({ app } = await MailboxApp.start({ changes: { ...MEASURED, keyPublishSeconds: 0 } }, onFinished));
  hashing = {
    longQueue: await start({ hashConcurrency: 1 }),
    shortQueue: await start({ hashConcurrency: 1, hashQueueMilliseconds: 50 }),
    noQueue: await start({ hashConcurrency: 1, hashQueueMilliseconds: 0 }),
  };
});

/** Lets a request run during the test; it is awaited before the application closes. */
function runInBackground(asking: Promise<unknown>): void {
  onTestFinished(async () => void (await asking));
}

const newEmail = (): string => `${randomUUID()}@example.com`;

/** The metrics of Prometheus' text format by series, and the type of each name. */
async function scrape({ nest }: TestApp) {
  const { port } = nest.get(MetricsServer, { strict: false });
  const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  const series = [...text.matchAll(/^([a-z]\w*(?:\{.*\})?) (\S+)$/gm)].map(([, name = '', value]) => [name, value]);
  const kinds = [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name = '', kind]) => [name, kind]);
  return {
    values: Object.fromEntries(series) as Record<string, string>,
    kinds: Object.fromEntries(kinds) as Record<string, string>,
  };
}

const nameOf = (series: string): string => series.replace(/\{.*/, '');

/** Runs in the shared application. */
const inSharedApp =
  (go: () => unknown): Arrange =>
  async () => ({ app, go });

/** Runs in an application whose only hashing thread is busy with a slow hash. */
const whileHashing =
  (which: keyof typeof hashing, go: (busy: TestApp) => unknown): Arrange =>
  async () => {
    const busy = hashing[which];
    const email = newEmail();
    await busy.query(
      'INSERT INTO users (id, email, email_lower, password_hash) VALUES (gen_random_uuid(), $1, $1, $2)',
      [email, SLOW_HASH],
    );
    return {
      app: busy,
      go: async () => {
        runInBackground(busy.login(email, WRONG));
        await expect.poll(() => valueOf(busy, 'gatehouse_hashes_running'), { interval: 1 }).toBe('1');
        await go(busy);
      },
    };
  };

/** Runs in an application whose users table is locked. */
const whileLocked =
  (go: (locked: TestApp) => unknown): Arrange =>
  async () => {
    const locked = await startApp({ changes: { ...MEASURED, rateLimits: 'off', databasePoolSize: 2 } });
    const client = new pg.Client({ connectionString: locked.databaseUrl });
    await client.connect();
    await client.query('BEGIN; LOCK TABLE users');
    return {
      app: locked,
      go: () => {
        go(locked);
        // The lock is released after the test has seen the waiting requests.
        onTestFinished(() => client.end());
      },
    };
  };

/** Runs in an application that always regards its revocations as stale. */
const whileStale =
  (revocationStalePolicy: Config['revocationStalePolicy']): Arrange =>
  async () => {
    const stale = await startApp({ changes: { ...MEASURED, revocationStalePolicy, revocationStaleSeconds: 0 } });
    const { token } = await stale.signIn();
    return { app: stale, go: () => stale.me(token) };
  };

async function logInFrom(address: string, email = newEmail()): Promise<void> {
  const headers = { 'x-forwarded-for': address };
  await app.call('POST', '/v1/auth/login', { json: { email, password: WRONG }, headers });
}

function abortWhileQueued(busy: TestApp): void {
  const json = JSON.stringify({ email: newEmail(), password: WRONG });
  const leaving = new AbortController();
  void fetch(`${busy.url}/v1/auth/login`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: json,
    signal: leaving.signal,
  }).catch(() => undefined);
  void expect
    .poll(() => valueOf(busy, 'gatehouse_hashes_waiting'), { interval: 1 })
    .toBe('1')
    .then(() => leaving.abort());
}

const ADDRESS = '198.51.100.7';

/** Runs a background job whose table is missing. */
const failingJob = (job: string, table: string): [string, Arrange] => [
  `gatehouse_job_failures_total{job="${job}"}`,
  async () => {
    const { app: broken } = await MailboxApp.start({ changes: MEASURED });
    await broken.query(`ALTER TABLE ${table} RENAME TO ${table}_away`);
    return { app: broken, go: () => broken.nest.get(BackgroundJobs, { strict: false }).runJob(job) };
  },
];

/** A mail to be sent, in the shared application; one that waits for an hour unless it is due. */
async function addMail(recipient: string, template = 'test', isDue = true): Promise<void> {
  await app.query(
    `INSERT INTO mails (id, template, recipient, recipient_lower, language, available_at)
     VALUES ($1, $2, $3, $3, 'en', now() + CASE WHEN $4 THEN '0' ELSE '1 hour' END::interval)`,
    [randomUUID(), template, recipient, isDue],
  );
}

const askForMail = (email: string): Promise<unknown> =>
  app.call('POST', '/v1/auth/password-reset', { json: { email }, headers: { 'x-forwarded-for': ADDRESS } });

const delivering = (recipient: () => string, template?: string): Arrange =>
  inSharedApp(async () => {
    await addMail(recipient(), template);
    await app.nest.get(MailDeliveryService, { strict: false }).deliverDueMail();
  });
const whileMailWaits = inSharedApp(async () => {
  await addMail(newEmail(), 'test', false);
  await app.nest.get(BackgroundJobs, { strict: false }).runJob('count waiting mail');
});

/** By series; includes every counter series that exists from the start. */
const ARRANGEMENTS: Readonly<Record<string, Arrange>> = {
  'gatehouse_requests_total{method="GET",route="/v1/auth/me",status="401"}': inSharedApp(() => app.me('x.y.z')),
  'gatehouse_logins_total{outcome="success"}': inSharedApp(() => app.signIn()),
  'gatehouse_logins_total{outcome="wrong"}': inSharedApp(() => app.login(newEmail(), WRONG)),
  'gatehouse_logins_total{outcome="limited"}': inSharedApp(async () => {
    const email = newEmail();
    await setFailures(app, email, 100, 3600);
    await app.login(email);
  }),
  'gatehouse_logins_total{outcome="unavailable"}': whileHashing('noQueue', (busy) => busy.login(newEmail())),
  gatehouse_cached_tokens: inSharedApp(async () => app.me((await app.signIn()).token)),
  gatehouse_cached_token_bytes: inSharedApp(async () => app.me((await app.signIn()).token)),
  'gatehouse_token_lookups_total{outcome="miss"}': inSharedApp(async () => app.me((await app.signIn()).token)),
  'gatehouse_token_lookups_total{outcome="hit"}': inSharedApp(async () => {
    const { token } = await app.signIn();
    await app.me(token);
    await app.me(token);
  }),
  gatehouse_revocations: inSharedApp(async () => app.logout((await app.signIn()).token)),
  gatehouse_revocation_lag_seconds: inSharedApp(async () => app.logout((await app.signIn()).token)),
  gatehouse_feed_age_seconds: inSharedApp(() => undefined),
  'gatehouse_stale_requests_total{outcome="served"}': whileStale('serve'),
  'gatehouse_stale_requests_total{outcome="refused"}': whileStale('refuse'),
  'gatehouse_refreshes_total{verdict="advance"}': inSharedApp(async () =>
    app.refresh((await app.signIn()).refreshToken),
  ),
  'gatehouse_refreshes_total{verdict="replay"}': inSharedApp(async () => {
    const { refreshToken } = await app.signIn();
    await app.refresh(refreshToken);
    await app.refresh(refreshToken);
  }),
  'gatehouse_refreshes_total{verdict="reuse"}': inSharedApp(async () => {
    const { refreshToken, sessionId } = await app.signIn();
    await app.query('UPDATE sessions SET refresh_counter = 2 WHERE id = $1', [sessionId]);
    await app.refresh(refreshToken);
  }),
  gatehouse_mails_waiting: whileMailWaits,
  gatehouse_mails_oldest_seconds: whileMailWaits,
  'gatehouse_mails_total{outcome="sent"}': delivering(newEmail),
  'gatehouse_mails_total{outcome="failed"}': delivering(() => `refused-${newEmail()}`),
  'gatehouse_mails_total{outcome="outdated"}': delivering(newEmail, 'reset_password'),
  'gatehouse_mail_attempts_total{outcome="accepted"}': delivering(newEmail),
  'gatehouse_mail_attempts_total{outcome="refused"}': delivering(() => `refused-${newEmail()}`),
  'gatehouse_mail_attempts_total{outcome="failed"}': delivering(() => `later-${newEmail()}`),
  'gatehouse_keys{state="retiring"}': inSharedApp(() =>
    app.nest.get(KeyAdministrationService, { strict: false }).rotateSigningKey(),
  ),
  'gatehouse_key_age_seconds{state="active"}': inSharedApp(() => undefined),
  'gatehouse_limited_total{limit="address"}': inSharedApp(async () => {
    await useUpLimit(app, LIMITS.address, 900, [ADDRESS]);
    await logInFrom(ADDRESS);
  }),
  'gatehouse_limited_total{limit="address-and-account"}': inSharedApp(async () => {
    const email = newEmail();
    await useUpLimit(app, LIMITS.addressAndAccount, 1800, ['198.51.100.8', email]);
    await logInFrom('198.51.100.8', email);
  }),
  'gatehouse_limited_total{limit="account"}': inSharedApp(async () => {
    const email = newEmail();
    await setFailures(app, email, 100, 3600);
    await app.login(email);
  }),
  'gatehouse_limited_total{limit="all"}': inSharedApp(async () => {
    await useUpLimit(app, LIMITS.all, 120, ...SHARES_OF_ALL);
    await app.login(newEmail());
    await useUpLimit(app, LIMITS.all, 0, ...SHARES_OF_ALL);
  }),
  'gatehouse_limited_total{limit="current-password"}': inSharedApp(async () => {
    const { userId, token } = await app.signIn();
    await useUpLimit(app, LIMITS.currentPassword, 1800, [userId]);
    await app.call('POST', '/v1/users/me/deletion', { token, json: { currentPassword: PASSWORD } });
  }),
  'gatehouse_limited_total{limit="register-address"}': inSharedApp(async () => {
    await useUpLimit(app, LIMITS.registerAddress, 7200, [ADDRESS]);
    const json = { email: newEmail(), password: PASSWORD };
    await app.call('POST', '/v1/auth/register', { json, headers: { 'x-forwarded-for': ADDRESS } });
  }),
  'gatehouse_limited_total{limit="register-account"}': inSharedApp(async () => {
    const email = newEmail();
    await useUpLimit(app, LIMITS.registerAccount, 7200, [email]);
    await app.register(email);
  }),
  'gatehouse_limited_total{limit="refresh-address"}': inSharedApp(async () => {
    const json = { refresh_token: (await app.signIn()).refreshToken };
    await useUpLimit(app, LIMITS.refreshAddress, 120, [ADDRESS]);
    await app.call('POST', '/v1/auth/refresh', { json, headers: { 'x-forwarded-for': ADDRESS } });
  }),
  'gatehouse_limited_total{limit="refresh-session"}': inSharedApp(async () => {
    const { sessionId, refreshToken } = await app.signIn();
    await useUpLimit(app, LIMITS.refreshSession, 120, [sessionId]);
    await app.refresh(refreshToken);
  }),
  'gatehouse_limited_total{limit="session-user"}': inSharedApp(async () => {
    const email = newEmail();
    await useUpLimit(app, LIMITS.sessionUser, 7200, [email]);
    await app.login(email);
  }),
  'gatehouse_limited_total{limit="password-user"}': inSharedApp(async () => {
    const { userId, token } = await app.signIn();
    await useUpLimit(app, LIMITS.passwordUser, 7200, [userId]);
    const json = { currentPassword: PASSWORD, newPassword: WRONG };
    await app.call('POST', '/v1/users/me/password', { token, json });
  }),
  'gatehouse_limited_total{limit="profile-user"}': inSharedApp(async () => {
    const { userId, token } = await app.signIn();
    await useUpLimit(app, LIMITS.profileUser, 7200, [userId]);
    await app.call('PATCH', '/v1/users/me', { token, json: { profile: {} } });
  }),
  'gatehouse_limited_total{limit="export-user"}': inSharedApp(async () => {
    const { userId, token } = await app.signIn();
    await useUpLimit(app, LIMITS.exportUser, 7200, [userId]);
    await app.call('GET', '/v1/users/me/export', { token });
  }),
  'gatehouse_limited_total{limit="mail-address"}': inSharedApp(async () => {
    await useUpLimit(app, LIMITS.mailAddress, 7200, [ADDRESS]);
    await askForMail(newEmail());
    await useUpLimit(app, LIMITS.mailAddress, 0, [ADDRESS]);
  }),
  'gatehouse_limited_total{limit="mail-network"}': inSharedApp(async () => {
    await useUpLimit(app, LIMITS.mailNetwork, 7200, [networkOf(ADDRESS) ?? '']);
    await askForMail(newEmail());
    await useUpLimit(app, LIMITS.mailNetwork, 0, [networkOf(ADDRESS) ?? '']);
  }),
  'gatehouse_limited_total{limit="mail-account"}': inSharedApp(async () => {
    const email = newEmail();
    await useUpLimit(app, LIMITS.mailAccount, 7200, [email]);
    await askForMail(email);
  }),
  'gatehouse_limited_total{limit="link-address"}': inSharedApp(async () => {
    const token = await makeLinkToken(app, 'email_undo', await app.signIn());
    await useUpLimit(app, LIMITS.linkAddress, 1200, [ADDRESS]);
    await app.call('POST', '/v1/auth/email-change/undo', { json: { token }, headers: { 'x-forwarded-for': ADDRESS } });
    await useUpLimit(app, LIMITS.linkAddress, 0, [ADDRESS]);
  }),
  'gatehouse_limited_total{limit="link-password"}': inSharedApp(async () => {
    const token = await makeLinkToken(app, 'email_verification', await app.signIn());
    const id = app.nest.get(OneTimeTokenCodec, { strict: false }).decodeToken('email_verification', token);
    await useUpLimit(app, LIMITS.linkPassword, 1800, [id ?? '']);
    await app.call('POST', '/v1/auth/email-verification/confirm', { json: { token, password: PASSWORD } });
  }),
  'gatehouse_limited_total{limit="email-user"}': inSharedApp(async () => {
    const { userId, token } = await app.signIn();
    await useUpLimit(app, LIMITS.emailUser, 7200, [userId]);
    const json = { currentPassword: PASSWORD, newEmail: newEmail() };
    await app.call('POST', '/v1/users/me/email', { token, json });
  }),
  'gatehouse_limited_total{limit="logout-session"}': inSharedApp(async () => {
    const { sessionId, token } = await app.signIn();
    await useUpLimit(app, LIMITS.logoutSession, 120, [sessionId]);
    await app.logout(token);
  }),
  'gatehouse_limited_total{limit="request-address"}': async () => {
    const quiet = await startApp({ changes: { ...MEASURED, addressRequestsPerMinute: 1 } });
    await quiet.me('x.y.z');
    return { app: quiet, go: () => quiet.me('x.y.z') };
  },
  'gatehouse_job_failures_total{job="repair keys"}': async () => {
    const broken = await startApp({ changes: MEASURED });
    await broken.query('ALTER TABLE signing_keys ADD CHECK (false) NOT VALID');
    return { app: broken, go: () => broken.query('DELETE FROM signing_keys') };
  },
  ...Object.fromEntries([
    failingJob('rotate keys', 'signing_keys'),
    failingJob('purge sessions', 'sessions'),
    failingJob('purge mails', 'mails'),
    failingJob('deliver mail', 'mails'),
    failingJob('count waiting mail', 'mails'),
    failingJob('resolve mail requests', 'mail_requests'),
    failingJob('purge one-time tokens', 'one_time_tokens'),
    failingJob('purge revocations', 'revocations'),
    failingJob('purge audit trail', 'audit_events'),
    failingJob('purge limits', 'rate_limits'),
    failingJob('purge account guards', 'account_guards'),
  ]),
  gatehouse_hashes_running: whileHashing('longQueue', () => undefined),
  gatehouse_hashes_waiting: whileHashing('longQueue', (busy) => runInBackground(busy.login(newEmail()))),
  gatehouse_hashes_longest_wait_seconds: whileHashing('longQueue', (busy) => runInBackground(busy.login(newEmail()))),
  'gatehouse_hashes_shed_total{reason="arrival"}': whileHashing('noQueue', (busy) => busy.login(newEmail())),
  'gatehouse_hashes_shed_total{reason="deadline"}': whileHashing('shortQueue', (busy) => busy.login(newEmail())),
  'gatehouse_hashes_shed_total{reason="gone"}': whileHashing('longQueue', abortWhileQueued),
  gatehouse_database_connections: whileLocked((locked) => {
    for (let turn = 0; turn < 2; turn++) runInBackground(locked.login(newEmail()));
  }),
  gatehouse_database_waiting: whileLocked((locked) => {
    for (let turn = 0; turn < 5; turn++) runInBackground(locked.login(newEmail()));
  }),
  nodejs_eventloop_lag_p99_seconds: inSharedApp(() => {
    const until = performance.now() + 50;
    while (performance.now() < until);
  }),
};

async function valueOf(where: TestApp, series: string): Promise<string> {
  return (await scrape(where)).values[series] ?? '0';
}

describe('the metric', () => {
  it.each(Object.entries(ARRANGEMENTS))('%s changes', async (series, arrange) => {
    const { app: where, go } = await arrange();
    const before = await valueOf(where, series);
    await go();
    await expect.poll(() => valueOf(where, series), { interval: 5, timeout: 10_000 }).not.toBe(before);
  });

  it('gatehouse_hashes_limit is HASH_CONCURRENCY', async () => {
    const other = await startApp({ changes: { ...MEASURED, hashConcurrency: 3 } });
    expect(await valueOf(other, 'gatehouse_hashes_limit')).toBe('3');
  });

  it('of every name is documented, and every documented one is served and tested for change', async () => {
    const { kinds, values } = await scrape(app);
    const [, text = ''] = /\n## Metrics\n([^]*)$/.exec(readFileSync('docs/operations.md', 'utf8')) ?? [];
    const documented = [...text.matchAll(/`((?:gatehouse|nodejs)_[a-z\d_]+)(?:\{[a-z,]+\})?`/g)].map(
      ([, name = '']) => name,
    );
    const served = new Set([...Object.keys(kinds), ...ONLY_OF_SEVERAL_PROCESSES]);
    expect(documented.filter((name) => !served.has(name))).toEqual([]);
    const ours = Object.keys(kinds).filter((name) => name.startsWith('gatehouse_'));
    expect(ours.filter((name) => !documented.includes(name))).toEqual([]);
    const moved = new Set(Object.keys(ARRANGEMENTS).map(nameOf));
    expect(ours.filter((name) => !moved.has(name))).toEqual(['gatehouse_hashes_limit']);
    const counters = Object.keys(values).filter((series) => kinds[nameOf(series)] === 'counter');
    const unmoved = counters.filter(
      (series) => series.startsWith('gatehouse_') && !Object.hasOwn(ARRANGEMENTS, series),
    );
    expect(new Set(unmoved.map(nameOf))).toEqual(new Set(['gatehouse_requests_total']));
  });

  it('of every name is documented with the way it is put together in a node of several processes', async () => {
    const registry = await app.nest.get(MetricsRegistry, { strict: false }).createRegistry();
    const metrics = statedCombinations([await registry.getMetricsAsJSON()]).flat();
    const [, text = ''] = /\n## Metrics\n([^]*)$/.exec(readFileSync('docs/operations.md', 'utf8')) ?? [];
    const documented = new Map<string, string>();
    for (const [, names = '', way = ''] of text.matchAll(/^\| (`.+?) \|.+\| (\w+) \|$/gm))
      for (const [, name = ''] of names.matchAll(/`(\w+\*?)(?:\{[a-z,]+\})?`/g)) documented.set(name, way);
    const wayOf = (name: string): string | undefined =>
      documented.get(name) ??
      documented.get(name.replace(/(lag)_(?!min)(?:[a-z\d]+_)?(seconds)$/, '$1_p99_$2')) ??
      documented.get(name.replace(/_.*/, '_*'));
    const wrong = metrics.filter(({ name, aggregator }) => wayOf(name) !== aggregator);
    expect(wrong.map(({ name, aggregator }) => `${name}: ${aggregator}, documented: ${wayOf(name)}`)).toEqual([]);
    expect(metrics.length).toBeGreaterThan(40);
    for (const name of ONLY_OF_SEVERAL_PROCESSES) expect(wayOf(name)).toBe('primary');
  });

  it('of every label is documented with its values', async () => {
    const { values } = await scrape(app);
    // The names of the limits are in the table of docs/security.md.
    const text = readFileSync('docs/operations.md', 'utf8') + readFileSync('docs/security.md', 'utf8');
    const rows = text.split('\n');
    const undocumented = Object.keys(values).filter((series) => {
      const [, name = '', label = '', value = ''] = /^(gatehouse_\w+)\{(\w+)="([^"]+)"\}$/.exec(series) ?? [];
      const row = rows.find((line) => line.includes(`\`${name}{${label}}\``));
      return name !== '' && row?.includes(value) !== true && !text.includes(`\`${value}\``);
    });
    expect(undocumented.map(nameOf)).toEqual([]);
  });
});
