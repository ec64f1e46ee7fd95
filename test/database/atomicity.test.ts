import { randomUUID } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import pg from 'pg';
import { beforeAll, describe, expect, it } from 'vitest';
import { createDatabase, PASSWORD, startApp, type Answer, type TestApp } from '../support/app.js';
import type { Client, SignedIn } from '../support/client.js';
import { TcpProxy, proxiedUrl, type Direction } from '../support/tcp-proxy.js';

/** A user with two sessions (the caller's and another device's), and an unregistered address. */
interface Subject {
  readonly own: SignedIn;
  readonly other: SignedIn;
  readonly hash: string;
  readonly newEmail: string;
}

/** Numbers of rows that belong to a {@link Subject}. */
interface State {
  readonly users: number;
  /** Users with the original password hash. */
  readonly unchanged: number;
  readonly live: number;
  readonly refreshes: number;
  readonly revoked: number;
  readonly devices: number;
}

const BEFORE: State = { users: 1, unchanged: 1, live: 2, refreshes: 0, revoked: 0, devices: 1 };

/** An operation, the changes to the state once it is complete, and the table that it writes last. */
const OPERATIONS: [string, (client: Client, subject: Subject) => Promise<Answer>, Partial<State>, string][] = [
  ['a registration', (client, { newEmail }) => client.register(newEmail), { users: 2 }, 'users'],
  ['a login', (client, { own }) => client.login(own.email), { live: 3 }, 'sessions'],
  ['a refresh', (client, { own }) => client.refresh(own.refreshToken), { refreshes: 1 }, 'sessions'],
  ['a logout', (client, { own }) => client.logout(own.token), { live: 1, revoked: 1 }, 'revocations'],
  ['a logout of all', (client, { own }) => client.logout(own.token, 'global'), { live: 0, revoked: 2 }, 'revocations'],
  [
    'the end of one session',
    (client, { own: { token }, other }) => client.call('DELETE', `/v1/auth/sessions/${other.sessionId}`, { token }),
    { live: 1, revoked: 1 },
    'revocations',
  ],
  [
    'a change of password',
    (client, { own: { token } }) => {
      const json = { currentPassword: PASSWORD, newPassword: 'another long enough passphrase' };
      return client.call('POST', '/v1/users/me/password', { token, json });
    },
    { unchanged: 0, live: 1, revoked: 1, devices: 0 },
    'revocations',
  ],
  [
    'a deletion',
    (client, { own: { token } }) =>
      client.call('POST', '/v1/users/me/deletion', { token, json: { currentPassword: PASSWORD } }),
    { users: 0, unchanged: 0, live: 0, revoked: 2, devices: 0 },
    'revocations',
  ],
];

let database: pg.Client;
let proxy: TcpProxy;
let app: TestApp;
let appWithShortTimeouts: TestApp;
beforeAll(async () => {
  const clean: (() => Promise<void>)[] = [];
  const onFinished = (each: () => Promise<void>): void => void clean.push(each);
  const databaseUrl = await createDatabase(onFinished);
  database = new pg.Client({ connectionString: databaseUrl });
  await database.connect();
  onFinished(() => database.end());
  proxy = await TcpProxy.start(new URL(databaseUrl), onFinished);
  app = await startApp({ databaseUrl: proxiedUrl(proxy, databaseUrl) }, onFinished);
  const changes = { databaseStatementTimeoutMs: 300, databaseLockTimeoutMs: 10_000 };
  appWithShortTimeouts = await startApp({ databaseUrl, changes }, onFinished);
  return async () => {
    for (const each of clean.toReversed()) await each();
  };
});

async function newSubject(): Promise<Subject> {
  const other = await app.signIn();
  const own = await app.signInAs(other.email);
  const { rows } = await database.query<{ hash: string }>(
    `WITH device AS (INSERT INTO devices (id, user_id) VALUES (gen_random_uuid(), $1))
     SELECT password_hash AS hash FROM users WHERE id = $1`,
    [own.userId],
  );
  return { own, other, hash: rows[0]?.hash ?? '', newEmail: `${randomUUID()}@example.com` };
}

async function stateOf({ own, other, hash, newEmail }: Subject): Promise<State | undefined> {
  const { rows } = await database.query<State>(
    `SELECT (SELECT count(*) FROM users WHERE email IN ($2, $3))::int AS users,
            (SELECT count(*) FROM users WHERE id = $1 AND password_hash = $4)::int AS unchanged,
            (SELECT count(*) FROM sessions WHERE user_id = $1 AND ended_at IS NULL)::int AS live,
            (SELECT coalesce(sum(refresh_counter), 0) FROM sessions WHERE user_id = $1)::int AS refreshes,
            (SELECT count(*) FROM revocations WHERE subject IN ($5, $6))::int AS revoked,
            (SELECT count(*) FROM devices WHERE user_id = $1)::int AS devices`,
    [own.userId, own.email, newEmail, hash, own.sessionId, other.sessionId],
  );
  return rows[0];
}

describe.each(OPERATIONS)('%s', (_operation, ask, changes, table) => {
  const AFTER: State = { ...BEFORE, ...changes };

  it.each<[Direction, string]>([
    ['requests', '503, not done'],
    ['answers', '503, done'],
  ])(
    'that loses its connection at any one of the %s is complete or has no effect, and returns 503 (FLT-03)',
    { timeout: 60_000 },
    async (direction, typical) => {
      const outcomes = new Set<string>();
      for (let packet = 1, wasCut = true; wasCut; packet++) {
        const subject = await newSubject();
        const stopCutting = proxy.cutAtPacket(packet, direction);
        const { status } = await ask(app, subject);
        wasCut = stopCutting();
        const state = await stateOf(subject);
        if (!wasCut || status !== 503) expect([packet, status < 300, state]).toEqual([packet, true, AFTER]);
        else if (isDeepStrictEqual(state, AFTER)) outcomes.add('503, done');
        else {
          expect([packet, state]).toEqual([packet, BEFORE]);
          outcomes.add('503, not done');
        }
      }
      expect(outcomes).toContain(typical);
    },
  );

  it('whose last statement times out is 503 and has no effect (FLT-03)', async () => {
    const subject = await newSubject();
    await database.query(`BEGIN; LOCK TABLE ${table} IN EXCLUSIVE MODE`);
    const { status } = await ask(appWithShortTimeouts, subject);
    await database.query('COMMIT');
    expect([status, await stateOf(subject)]).toEqual([503, BEFORE]);
    expect((await ask(app, subject)).status).toBeLessThan(300);
    expect(await stateOf(subject)).toEqual(AFTER);
  });
});
