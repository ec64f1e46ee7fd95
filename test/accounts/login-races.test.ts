import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { PrismaService } from '../../src/database/prisma.service.js';
import { hashPasswordUnpooled } from '../../src/passwords/unpooled-hash.js';
import { SessionsService } from '../../src/sessions/sessions.service.js';
import { PASSWORD, startApp, type Answer, type TestApp } from '../support/app.js';

/** Frequent enough to see a wait before the lock timeout ends it. */
const POLL = { interval: 20, timeout: 10_000 };
const CHEAP = { memoryKib: 8, passes: 1, lanes: 1 };
type Change = (client: pg.Client, userId: unknown) => Promise<unknown>;

/** Commits the change while a login that has checked the password waits for the lock on the user's row. */
async function loginDuring(app: TestApp, change: Change): Promise<{ answer: Answer; liveSessions: number }> {
  const email = `${randomUUID()}@example.com`;
  const { body: user } = await app.register(email);
  const client = await beginTransaction(app);
  await client.query('SELECT FROM users WHERE id = $1 FOR UPDATE', [user['id']]);
  const login = app.login(email);
  await expect.poll(() => lockWaiters(app), POLL).toBe(1);
  await change(client, user['id']);
  await client.query('COMMIT');
  const answer = await login;
  const live = await app.query('SELECT FROM sessions WHERE user_id = $1 AND ended_at IS NULL', [user['id']]);
  return { answer, liveSessions: live.length };
}

async function beginTransaction(app: TestApp): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: app.databaseUrl });
  await client.connect();
  onTestFinished(() => client.end());
  await client.query('BEGIN');
  return client;
}

async function lockWaiters(app: TestApp): Promise<number> {
  const waiting = await app.query(
    `SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
  );
  return waiting.length;
}

async function setPassword(client: pg.Client, userId: unknown, password: string, passes: number): Promise<void> {
  const passwordHash = await hashPasswordUnpooled(password, { ...CHEAP, passes });
  await client.query('UPDATE users SET password_hash = $2 WHERE id = $1', [userId, passwordHash]);
}

describe('a login concurrent with', () => {
  it.each<[string, Change]>([
    ['a ban', (client, id) => client.query('UPDATE users SET disabled_at = now() WHERE id = $1', [id])],
    ['a deletion', (client, id) => client.query('DELETE FROM users WHERE id = $1', [id])],
    ['a change of password', (client, id) => setPassword(client, id, 'another passphrase', 1)],
  ])('%s, committed after the password check, starts no session', async (_case, change) => {
    const { answer, liveSessions } = await loginDuring(await startApp(), change);
    expect([answer.status, answer.body['code'], liveSessions]).toEqual([401, 'credentials_invalid', 0]);
  });

  it('a renewed hash of the same password checks the password again and succeeds', async () => {
    const { answer, liveSessions } = await loginDuring(await startApp(), (client, id) =>
      setPassword(client, id, PASSWORD, 1),
    );
    expect([answer.status, liveSessions]).toEqual([200, 1]);
  });

  it('a change of password never overwrites the new password with its renewed hash', async () => {
    const app = await startApp({ changes: { argon2Passes: 2 } });
    const cheaper = await startApp({ databaseUrl: app.databaseUrl });
    const email = `${randomUUID()}@example.com`;
    const { body: user } = await cheaper.register(email);
    const client = await beginTransaction(app);
    await setPassword(client, user['id'], 'another passphrase', 2);
    const login = app.login(email);
    await expect.poll(() => lockWaiters(app), POLL).toBe(1);
    await client.query('COMMIT');
    expect((await login).status).toBe(401);
    expect((await app.login(email, 'another passphrase')).status).toBe(200);
  });

  it('a lock that is held too long is 503 with Retry-After', async () => {
    const app = await startApp({ changes: { databaseLockTimeoutMs: 1000 } });
    const { answer } = await loginDuring(app, () => expect.poll(() => lockWaiters(app), POLL).toBe(0));
    expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '1']);
  });
});

describe('the single-statement login path', () => {
  const SENDER = { address: '127.0.0.1', userAgent: undefined, requestId: randomUUID() };

  it.each([
    ['a user disabled meanwhile', 'UPDATE users SET disabled_at = now() WHERE id = $1', 0],
    ['a user with another hash meanwhile', `UPDATE users SET password_hash = password_hash || 'x' WHERE id = $1`, 0],
    ['a user deleted meanwhile', 'DELETE FROM users WHERE id = $1', 0],
    [
      'a user with fifty sessions',
      'INSERT INTO sessions (id, user_id) SELECT gen_random_uuid(), $1::uuid FROM generate_series(1, 50)',
      50,
    ],
  ])('starts no session for %s', async (_case, change, live) => {
    const app = await startApp();
    const { body } = await app.register(`${randomUUID()}@example.com`);
    const id = String(body['id']);
    const [user] = await app.query<{ hash: string }>('SELECT password_hash AS hash FROM users WHERE id = $1', [id]);
    await app.query(change, [id]);
    const sessions = app.nest.get(SessionsService, { strict: false });
    expect(await sessions.tryStartSession({ id, passwordHash: user?.hash ?? '', version: 0 }, SENDER)).toBeUndefined();
    expect(await app.query('SELECT FROM sessions WHERE user_id = $1', [id])).toHaveLength(live);
  });

  it('opens no transaction', async () => {
    const app = await startApp();
    const { email } = await app.signIn();
    const commits = vi.spyOn(app.nest.get(PrismaService, { strict: false }), '$transaction');
    expect((await app.login(email)).status).toBe(200);
    expect(commits).not.toHaveBeenCalled();
  });
});

describe('70 concurrent logins of one user', () => {
  it.each([40, 97])('with %d sessions leave 100 sessions', async (before) => {
    const app = await startApp({ changes: { databaseLockTimeoutMs: 20_000, databaseConnectionTimeoutMs: 20_000 } });
    const email = `${randomUUID()}@example.com`;
    const { body: user } = await app.register(email);
    await app.query(
      `INSERT INTO sessions (id, user_id, created_at)
       SELECT gen_random_uuid(), $1::uuid, now() - n * interval '1 minute' FROM generate_series(1, $2::int) n`,
      [user['id'], before],
    );
    const answers = await Promise.all(Array.from({ length: 70 }, () => app.login(email)));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
    const live = await app.query('SELECT FROM sessions WHERE user_id = $1 AND ended_at IS NULL', [user['id']]);
    expect(live).toHaveLength(100);
  });
});
