import { beforeAll, expect, it } from 'vitest';
import { BackgroundJobs } from '../../src/jobs/background-jobs.js';
import { MailDeliveryService } from '../../src/mail/mail-delivery.service.js';
import { MailRequestsService } from '../../src/mail/mail-requests.service.js';
import { RevocationsService } from '../../src/revocation/revocations.service.js';
import { MAX_SESSIONS_PER_USER } from '../../src/sessions/session-limits.js';
import { PASSWORD, afterAllTests, startApp, type TestApp } from '../support/app.js';
import { tokensOf } from '../support/client.js';
import { DedicatedPostgres } from '../support/dedicated-postgres.js';
import { makeLinkToken } from '../support/one-time-links.js';
import { LOG_PLANS, LoggedPlans, type LoggedPlan } from '../support/logged-plans.js';
import { PURGES } from '../support/purge-plans.js';

/** A mail server that does not answer. */
const AWAY = { smtpUrl: 'smtp://127.0.0.1:9', mailFrom: 'accounts@example.com' };

const whenAllEnded = afterAllTests();

const ROWS = 20_000;
/** Has more sessions and devices than are kept, so that a login ends some. */
const CROWDED = 'user1@example.com';
const ORDINARY = 'user2@example.com';

const LINKS_AND_MAILS = `
  INSERT INTO one_time_tokens (id, purpose, user_id, email, email_lower, expires_at)
    SELECT gen_random_uuid(), 'email_undo', id, email, email_lower, now() + interval '1 day' FROM users;
  INSERT INTO mails (id, template, recipient, recipient_lower, language, available_at, outcome, done_at)
    SELECT gen_random_uuid(), 'test', email, email_lower, 'en', NULL, 'sent', now() FROM users;`;

/** So few that statistics from now are wrong when the other rows have come. */
const FIRST_ROWS = `
  INSERT INTO users (id, email, email_lower, password_hash)
    SELECT gen_random_uuid(), 'first' || n, 'first' || n, password_hash FROM users, generate_series(1, 100) n;
  INSERT INTO sessions (id, user_id) SELECT gen_random_uuid(), id FROM users, generate_series(1, 3);
  INSERT INTO devices (id, user_id) SELECT gen_random_uuid(), id FROM users, generate_series(1, 2);
  INSERT INTO audit_events (event, actor, user_id) SELECT 'session_started', 'user', user_id FROM sessions;
  INSERT INTO rate_limits (key, full_at) SELECT sha256(id::text::bytea), now() FROM users;
  INSERT INTO account_guards (key, failures, next_at) SELECT key, 3, now() FROM rate_limits;
  INSERT INTO revocations (kind, subject) SELECT 'sid', id FROM sessions;
  ${LINKS_AND_MAILS}`;

const ALL_ROWS = `
  INSERT INTO users (id, email, email_lower, password_hash)
    SELECT gen_random_uuid(), n || '@', 'user' || n || '@example.com', (SELECT password_hash FROM users LIMIT 1)
    FROM generate_series(1, ${ROWS}) n;
  INSERT INTO sessions (id, user_id)
    SELECT gen_random_uuid(), u.id
    FROM users u, LATERAL generate_series(1, CASE u.email_lower WHEN '${CROWDED}' THEN ${MAX_SESSIONS_PER_USER + 20} ELSE 1 END);
  INSERT INTO devices (id, user_id)
    SELECT gen_random_uuid(), u.id FROM users u, LATERAL generate_series(1, CASE u.email_lower WHEN '${CROWDED}' THEN 12 ELSE 1 END);
  INSERT INTO audit_events (event, actor, user_id) SELECT 'session_started', 'user', user_id FROM sessions;
  INSERT INTO rate_limits (key, full_at)
    SELECT sha256(n::text::bytea), now() + interval '10 minutes' FROM generate_series(1, ${ROWS}) n;
  INSERT INTO account_guards (key, failures, next_at) SELECT key, 3, now() FROM rate_limits ON CONFLICT DO NOTHING;
  INSERT INTO revocations (kind, subject) SELECT 'sid', id FROM sessions LIMIT ${ROWS};
  ${LINKS_AND_MAILS}`;

/** Statements by a part of their text, and the indexes that they may go by. */
const INTENDED: Readonly<Record<string, readonly [part: string, ...indexes: string[]]>> = {
  'look-up of a login': ['"email_lower" = $1', 'users_email_lower_key'],
  'charge of an attempt': [
    'WITH asked AS MATERIALIZED',
    'account_guards_pkey',
    'devices_pkey',
    'rate_limits_pkey',
    'users_email_lower_key',
  ],
  'record of a success': [
    'AS "isKnown", set_config',
    'account_guards_pkey',
    'devices_pkey',
    'devices_user_id_created_at_idx',
    'rate_limits_pkey',
    'users_pkey',
  ],
  'start of a session': ['WITH allowed_user AS', 'sessions_user_id_created_at_idx', 'users_pkey'],
  'end of the oldest sessions': [
    'ORDER BY s.created_at DESC, s.id DESC OFFSET',
    'sessions_pkey',
    'sessions_user_id_created_at_idx',
  ],
  refresh: ['WITH presented AS MATERIALIZED', 'sessions_pkey', 'users_pkey'],
  'page of sessions': ['AS "userAgent", s.network', 'sessions_user_id_created_at_idx'],
  'age of a login': [
    'SELECT extract(epoch FROM now() - s.created_at)',
    'sessions_pkey',
    'sessions_user_id_created_at_idx',
  ],
  'export of sessions': ['s.ended_at AS "endedAt"', 'sessions_user_id_created_at_idx'],
  'export of devices': ['d.used_at AS "usedAt"', 'devices_user_id_created_at_idx'],
  'export of audit events': ['ORDER BY e.user_id, e.id', 'audit_events_user_id_id_idx'],
  'end of a session': ['RETURNING s.id::text AS "sessionId"', 'sessions_pkey', 'sessions_user_id_created_at_idx'],
  'search for other sessions': ['SELECT 1 FROM sessions WHERE user_id', 'sessions_user_id_created_at_idx'],
  'end of other sessions': ['UPDATE sessions SET ended_at = now() WHERE user_id', 'sessions_user_id_created_at_idx'],
  'deletion of the devices': ['DELETE FROM "public"."devices"', 'devices_user_id_created_at_idx'],
  'deletion of a user': ['DELETE FROM "public"."users"', 'users_pkey'],
  'sessions of a deleted user': ['DELETE FROM ONLY "public"."sessions"', 'sessions_user_id_created_at_idx'],
  'devices of a deleted user': ['DELETE FROM ONLY "public"."devices"', 'devices_user_id_created_at_idx'],
  'mail within its limits': ['INSERT INTO mails (id, template, token_id', 'mails_recipient_lower_created_at_idx'],
  'claim of a mail': [
    'WITH due AS MATERIALIZED',
    'mails_available_at_idx',
    'mails_pkey',
    'mails_recipient_lower_created_at_idx',
    'one_time_tokens_pkey',
  ],
  'insert of revocations': ['pg_get_serial_sequence', 'revocations_pkey'],
  'poll of the revocations': ['FROM revocations r WHERE r.id >= $1', 'revocations_pkey'],
};

/** Of the keys, and of requests that are resolved within a second: they are few. */
const SMALL_TABLES = new Set(['signing_keys', 'mail_requests']);
/** A hundred sessions that end take 600. A scan of a whole index would read a buffer for each row. */
const MOST_BUFFERS = 1000;

let server: DedicatedPostgres;

beforeAll(async () => {
  server = await DedicatedPostgres.start(LOG_PLANS, whenAllEnded);
});

let addresses = 0;

/** Each request is from another IP address, so that none is limited. */
function fromNewAddress(): { headers: Record<string, string> } {
  const number = addresses++;
  return { headers: { 'x-forwarded-for': `10.0.${number >> 8}.${number & 255}` } };
}

async function send(app: TestApp, route: string, options: Parameters<TestApp['call']>[2] = {}, status = 200) {
  const [method = '', path = ''] = route.split(' ');
  const answer = await app.call(method, path, { ...fromNewAddress(), ...options });
  expect([route, answer.status]).toEqual([route, status]);
  return answer.body;
}

/** Every kind of request of one user, to the deletion of the account. */
async function sendEveryRequest(app: TestApp, email: string): Promise<void> {
  const logIn = async (password = PASSWORD, changes: object = {}) => {
    const body = await send(app, 'POST /v1/auth/login', { json: { email, password, ...changes } });
    return { ...tokensOf({ body }), deviceToken: body['deviceToken'] };
  };
  await send(app, 'POST /v1/auth/login', { json: { email, password: 'not the right passphrase' } }, 401);
  const { token, refreshToken, deviceToken } = await logIn();
  await logIn(PASSWORD, { deviceToken });
  await send(app, 'GET /v1/users/me', { token });
  await send(app, 'GET /v1/users/me/export', { token });
  await send(app, 'PATCH /v1/users/me', { token, json: { profile: { name: 'Ada' } } });
  await send(app, 'POST /v1/auth/refresh', { json: { refresh_token: refreshToken } });
  const { nextCursor } = await send(app, 'GET /v1/auth/sessions?limit=1', { token });
  await send(app, `GET /v1/auth/sessions?limit=100&cursor=${String(nextCursor)}`, { token });
  await send(app, 'POST /v1/auth/logout', { token }, 204);
  const other = await logIn();
  await send(app, 'POST /v1/auth/logout?scope=others', { token: other.token }, 204);
  const newPassword = `${PASSWORD} again`;
  await send(
    app,
    'POST /v1/users/me/password',
    { token: other.token, json: { currentPassword: PASSWORD, newPassword } },
    204,
  );
  const { token: last } = await logIn(newPassword);
  const changed = await sendMailRequests(app, email, last, newPassword);
  await send(app, 'POST /v1/users/me/deletion', { token: changed, json: { currentPassword: newPassword } }, 204);
}

/** Asks for every kind of mail, verifies the address and changes it. The mail server is away. @returns an access token */
async function sendMailRequests(app: TestApp, email: string, token: string, password: string): Promise<string> {
  const me = await send(app, 'GET /v1/users/me', { token });
  const userId = String(me['id']);
  await send(app, 'POST /v1/auth/password-reset', { json: { email } }, 202);
  await send(app, 'POST /v1/auth/email-verification', { json: { email } }, 202);
  const to = `new-${email}`;
  await send(app, 'POST /v1/users/me/email', { token, json: { currentPassword: password, newEmail: to } }, 202);
  await app.nest.get(MailRequestsService, { strict: false }).resolveRequests();
  await app.nest.get(MailDeliveryService, { strict: false }).deliverDueMail();
  const verification = await makeLinkToken(app, 'email_verification', { userId, email: String(me['email']) });
  await send(app, 'POST /v1/auth/email-verification/confirm', { json: { token: verification, password } }, 204);
  const change = await makeLinkToken(app, 'email_change', { userId, email: to });
  await send(app, 'POST /v1/auth/email-change/confirm', { json: { token: change } }, 204);
  // Its access tokens are stale.
  const body = await send(app, 'POST /v1/auth/login', { json: { email: to, password } });
  return tokensOf({ body }).token;
}

interface State {
  readonly statistics: string;
  /** Rows that there are when the tables are analyzed. */
  readonly analyzed: 'none' | 'first' | 'all';
  readonly planCacheMode: 'auto' | 'force_generic_plan';
}

/** Starts the application on full tables. */
async function startOnFullTables({ analyzed, planCacheMode }: State): Promise<TestApp> {
  const databaseUrl = await server.createDatabase();
  await server.administer(`ALTER ROLE gatehouse SET plan_cache_mode = ${planCacheMode}`);
  const app = await startApp({ databaseUrl, changes: { ...AWAY, rateLimits: 'on', trustedProxies: ['127.0.0.1'] } });
  await app.register('first@example.com');
  await app.query(FIRST_ROWS);
  if (analyzed === 'first') await app.query('ANALYZE');
  await app.query(ALL_ROWS);
  if (analyzed === 'all') await app.query('ANALYZE');
  const revocations = app.nest.get(RevocationsService, { strict: false });
  await expect.poll(() => revocations.size).toBeGreaterThanOrEqual(ROWS);
  return app;
}

function expectIntended(plans: readonly LoggedPlan[]): void {
  for (const [name, [part, ...indexes]] of Object.entries(INTENDED)) {
    const found = plans.filter(({ statement }) => statement.includes(part));
    expect([name, found.length > 0]).toEqual([name, true]);
    const used = new Set(found.flatMap((plan) => plan.indexes));
    expect([name, [...used].filter((index) => !indexes.includes(index))]).toEqual([name, []]);
  }
}

it.each<State>([
  { statistics: 'of all rows', analyzed: 'all', planCacheMode: 'auto' },
  { statistics: 'of a hundredth of the rows', analyzed: 'first', planCacheMode: 'auto' },
  { statistics: 'of no row', analyzed: 'none', planCacheMode: 'auto' },
  { statistics: 'of all rows, plans for any value', analyzed: 'all', planCacheMode: 'force_generic_plan' },
  {
    statistics: 'of a hundredth of the rows, plans for any value',
    analyzed: 'first',
    planCacheMode: 'force_generic_plan',
  },
  { statistics: 'of no row, plans for any value', analyzed: 'none', planCacheMode: 'force_generic_plan' },
])('every statement goes by its index, with statistics $statistics', async (state) => {
  const app = await startOnFullTables(state);
  const log = new LoggedPlans(server);
  const ofRequests = await log.plansOf(async () => {
    for (const email of [CROWDED, ORDINARY]) await sendEveryRequest(app, email);
  });
  const ofPurges = await log.plansOf(async () => {
    for (const { job } of PURGES) await app.nest.get(BackgroundJobs, { strict: false }).runJob(job);
  });
  const scans = [...ofRequests, ...ofPurges].filter(({ scannedTables }) =>
    scannedTables.some((table) => !SMALL_TABLES.has(table)),
  );
  expect(scans).toEqual([]);
  expectIntended(ofRequests);
  expect(ofRequests.filter(({ buffers }) => buffers > MOST_BUFFERS)).toEqual([]);
  expect(new Set(ofPurges.map(({ application }) => application))).toContain('gatehouse purge');
});
