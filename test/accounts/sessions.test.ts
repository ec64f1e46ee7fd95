import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { SessionsPurgeJob } from '../../src/sessions/sessions-purge.job.js';
import { UserAdministrationService } from '../../src/users/user-administration.service.js';
import { PASSWORD, startApp, type Answer, type TestApp } from '../support/app.js';
import { claimsOf, tokensOf } from '../support/client.js';

const NEW_PASSWORD = 'another long passphrase';
let app: TestApp;
const cleanups: (() => Promise<void>)[] = [];

beforeAll(async () => {
  app = await startApp({}, (clean) => cleanups.unshift(clean));
});
afterAll(async () => {
  for (const clean of cleanups) await clean();
});

interface View {
  readonly id: string;
  readonly isCurrent: boolean;
}

async function list(token: string, query = ''): Promise<View[]> {
  return (await app.call('GET', `/v1/auth/sessions${query}`, { token })).body['items'] as View[];
}

async function codeOf(answer: Promise<Answer>): Promise<unknown> {
  const { status, body } = await answer;
  return [status, body['code']];
}

function changePassword(token: string, currentPassword: string, newPassword = NEW_PASSWORD): Promise<Answer> {
  return app.call('POST', '/v1/users/me/password', { token, json: { currentPassword, newPassword } });
}

function logoutBy(refreshToken: string, scope?: string, token?: string): Promise<Answer> {
  const path = `/v1/auth/logout${scope === undefined ? '' : `?scope=${scope}`}`;
  return app.call('POST', path, { json: { refresh_token: refreshToken }, ...(token === undefined ? {} : { token }) });
}

const alive = [200, undefined];
const revoked = [401, 'token_revoked'];

describe('the list of sessions', () => {
  it('shows start, client and address of each session, and which is the current one (SES-04)', async () => {
    const first = await app.signIn();
    const login = await app.call('POST', '/v1/auth/login', {
      json: { email: first.email, password: PASSWORD },
      headers: { 'user-agent': 'a browser/1.0' },
    });
    const { token, refreshToken } = tokensOf(login);
    await app.refresh(refreshToken);
    const { body } = await app.call('GET', '/v1/auth/sessions', { token });
    const common = { createdAt: expect.any(String), refreshedAt: expect.any(String), network: '127.0.0.0/24' };
    expect(body).toEqual({
      items: [
        { ...common, id: claimsOf(token)['sid'], userAgent: 'a browser/1.0', isCurrent: true },
        { ...common, id: first.sessionId, userAgent: 'node', isCurrent: false },
      ],
      nextCursor: null,
    });
    const [asking, other] = body['items'] as { createdAt: string; refreshedAt: string }[];
    expect(Date.parse(asking?.refreshedAt ?? '')).toBeGreaterThan(Date.parse(asking?.createdAt ?? ''));
    expect(other?.refreshedAt).toBe(other?.createdAt);
  });

  it('is paginated without gaps or repeats', async () => {
    const first = await app.signIn();
    const ids = [first.sessionId];
    for (let login = 0; login < 6; login++) ids.unshift((await app.signInAs(first.email)).sessionId);
    const seen: string[] = [];
    for (let query = '?limit=3'; query !== '';) {
      const { body } = await app.call('GET', `/v1/auth/sessions${query}`, first);
      const { items, nextCursor } = body as { items: View[]; nextCursor: string | null };
      expect(items.length).toBeLessThanOrEqual(3);
      seen.push(...items.map(({ id }) => id));
      query = nextCursor === null ? '' : `?limit=3&cursor=${nextCursor}`;
    }
    expect(seen).toEqual(ids);
  });

  it('omits sessions that have ended or expired, and those of other users (ACC-02)', async () => {
    const [first, otherUser] = [await app.signIn(), await app.signIn()];
    const [ended, idle] = [await app.signInAs(first.email), await app.signInAs(first.email)];
    await app.logout(ended.token);
    await app.query(`UPDATE sessions SET refreshed_at = now() - interval '15 days' WHERE id = $1`, [idle.sessionId]);
    expect((await list(first.token)).map(({ id }) => id)).toEqual([first.sessionId]);
    expect((await list(otherUser.token)).map(({ id }) => id)).toEqual([otherUser.sessionId]);
  });

  it.each(['?limit=0', '?limit=101', '?limit=x', '?cursor=x', '?limit=1&limit=2', '?page=2'])(
    'refuses %s',
    async (query) => {
      const { token } = await app.signIn();
      expect(await codeOf(app.call('GET', `/v1/auth/sessions${query}`, { token }))).toEqual([400, 'validation_failed']);
    },
  );
});

describe('ending one session', () => {
  it('revokes its tokens and leaves the other sessions alone (SES-04)', async () => {
    const first = await app.signIn();
    const [target, other] = [await app.signInAs(first.email), await app.signInAs(first.email)];
    expect((await app.call('DELETE', `/v1/auth/sessions/${target.sessionId}`, first)).status).toBe(204);
    expect(await codeOf(app.me(target.token))).toEqual(revoked);
    expect(await codeOf(app.refresh(target.refreshToken))).toEqual([401, 'refresh_token_invalid']);
    for (const { token } of [first, other]) expect(await codeOf(app.me(token))).toEqual(alive);
    expect(await codeOf(app.call('DELETE', `/v1/auth/sessions/${target.sessionId}`, first))).toEqual([
      404,
      'not_found',
    ]);
  });

  it("answers another user's session like an unknown one and leaves it alone (ACC-02, INP-10)", async () => {
    const [first, otherUser] = [await app.signIn(), await app.signIn()];
    for (const id of [otherUser.sessionId, randomUUID()]) {
      expect(await codeOf(app.call('DELETE', `/v1/auth/sessions/${id}`, first))).toEqual([404, 'not_found']);
    }
    expect(await codeOf(app.call('DELETE', '/v1/auth/sessions/x', first))).toEqual([400, 'validation_failed']);
    expect(await codeOf(app.me(otherUser.token))).toEqual(alive);
  });
});

/**
 * Authorization headers that clients send beside a credential in the body; the first member is the
 * problem code if it is a bad token.
 */
async function flawedHeaders(): Promise<[flaw: string, header: string][]> {
  const { token } = await app.signIn();
  await app.logout(token);
  return [
    ['token_expired', `Bearer ${await app.signTokenWith({ exp: Math.floor(Date.now() / 1000) - 120 })}`],
    ['token_revoked', `Bearer ${token}`],
    ['token_invalid', `Bearer ${await app.signTokenWith({ iss: 'https://other.example' })}`],
    ['token_invalid', 'Bearer x.y.z'],
    ['token_invalid', `Bearer ${'x'.repeat(8000)}`],
    ['a token without a scheme', token],
    ['token_invalid', 'Bearer'],
    ['another scheme', 'Basic YTpi'],
  ];
}

describe('a credential in the request body', () => {
  it.each([
    ['logout', 204],
    ['refresh', 200],
  ])('is sufficient for a %s, whatever is wrong with the Authorization header (API-15)', async (operation, status) => {
    for (const [flaw, header] of await flawedHeaders()) {
      const { token, refreshToken } = await app.signIn();
      const asked = { json: { refresh_token: refreshToken }, headers: { authorization: header } };
      const answer = await app.call('POST', `/v1/auth/${operation}`, asked);
      expect([flaw, answer.status]).toEqual([flaw, status]);
      expect(await codeOf(app.me(token))).toEqual(operation === 'logout' ? revoked : alive);
    }
  });

  it('is sufficient for a login, a registration and a logout of all sessions (API-15)', async () => {
    for (const [flaw, authorization] of await flawedHeaders()) {
      const { email, refreshToken, token } = await app.signIn();
      const headers = { authorization };
      const json = { email, password: PASSWORD };
      const logout = { json: { refresh_token: refreshToken }, headers };
      const answers = [
        await app.call('POST', '/v1/auth/login', { json, headers }),
        await app.call('POST', '/v1/auth/register', { json: { ...json, email: `x${email}` }, headers }),
        await app.call('POST', '/v1/auth/logout?scope=global', logout),
      ];
      expect([flaw, answers.map(({ status }) => status)]).toEqual([flaw, [200, 201, 204]]);
      expect(await codeOf(app.me(token))).toEqual(revoked);
    }
  });
});

const mixedCase = (id: string): string => id.replace(/[a-f]/, (letter) => letter.toUpperCase());

describe('a session id in any letter case (SES-07)', () => {
  it.each([
    ['capitals', (id: string) => id.toUpperCase()],
    ['mixed letters', mixedCase],
    ['small letters', (id: string) => id],
  ])('ends the session that it names: %s', async (_name, spell) => {
    const otherNode = await startApp({ databaseUrl: app.databaseUrl });
    const first = await app.signIn();
    const target = await app.signInAs(first.email);
    const end = () => app.call('DELETE', `/v1/auth/sessions/${spell(target.sessionId)}`, first);
    expect(await codeOf(otherNode.me(target.token))).toEqual(alive);
    expect((await end()).status).toBe(204);
    expect(await codeOf(app.me(target.token))).toEqual(revoked);
    await expect.poll(() => codeOf(otherNode.me(target.token))).toEqual(revoked);
    expect(await codeOf(app.refresh(target.refreshToken))).toEqual([401, 'refresh_token_invalid']);
    expect(await codeOf(end())).toEqual([404, 'not_found']);
    expect(await codeOf(app.me(first.token))).toEqual(alive);
    const subject = 'SELECT subject FROM revocations WHERE lower(subject) = $1';
    expect(await app.query(subject, [target.sessionId])).toEqual([{ subject: target.sessionId }]);
    // Nest has one logger per process: that of the last application.
    const lines = [...app.log(), ...otherNode.log()].filter(
      ({ event, userId }) => event === 'session_ended' && userId === first.userId,
    );
    expect(lines).toEqual([expect.objectContaining({ sessionId: target.sessionId })]);
  });

  it('is the same pagination cursor', async () => {
    const first = await app.signIn();
    for (const _ of [1, 2, 3]) await app.signInAs(first.email);
    const [, second] = await list(first.token);
    const rest = await list(first.token, `?cursor=${second?.id}`);
    expect(rest).toHaveLength(2);
    for (const cursor of [second?.id.toUpperCase(), mixedCase(String(second?.id))])
      expect(await list(first.token, `?cursor=${cursor}`)).toEqual(rest);
  });

  it('is revoked when an earlier version stored it in the letter case of the request', async () => {
    const { token, sessionId } = await app.signIn();
    await app.query(`INSERT INTO revocations (kind, subject) VALUES ('sid', $1)`, [sessionId.toUpperCase()]);
    await expect.poll(() => codeOf(app.me(token))).toEqual(revoked);
  });
});

describe('a logout', () => {
  it('by access token ends this session only, unless scope says otherwise (SES-01)', async () => {
    const first = await app.signIn();
    const other = await app.signInAs(first.email);
    const otherNode = await startApp({ databaseUrl: app.databaseUrl });
    expect((await app.logout(first.token)).status).toBe(204);
    expect(await codeOf(otherNode.refresh(first.refreshToken))).toEqual([401, 'refresh_token_invalid']);
    expect(await codeOf(app.me(first.token))).toEqual(revoked);
    expect(await codeOf(app.refresh(first.refreshToken))).toEqual([401, 'refresh_token_invalid']);
    expect(await codeOf(app.logout(first.token))).toEqual(revoked);
    expect(await codeOf(app.me(other.token))).toEqual(alive);
  });

  it('with scope others keeps this session; with scope global it ends all (SES-01)', async () => {
    const [first, otherUser] = [await app.signIn(), await app.signIn()];
    const others = [await app.signInAs(first.email), await app.signInAs(first.email)];
    expect((await app.logout(first.token, 'others')).status).toBe(204);
    for (const { token, refreshToken } of others) {
      expect(await codeOf(app.me(token))).toEqual(revoked);
      expect(await codeOf(app.refresh(refreshToken))).toEqual([401, 'refresh_token_invalid']);
    }
    expect(await codeOf(app.me(first.token))).toEqual(alive);
    const again = await app.signInAs(first.email);
    expect((await app.logout(first.token, 'global')).status).toBe(204);
    for (const { token, refreshToken } of [first, again]) {
      expect(await codeOf(app.me(token))).toEqual(revoked);
      expect(await codeOf(app.refresh(refreshToken))).toEqual([401, 'refresh_token_invalid']);
    }
    expect(await codeOf(app.me(otherUser.token))).toEqual(alive);
    expect((await app.login(first.email)).status).toBe(200);
  });

  it('by refresh token needs no access token and can be repeated', async () => {
    const first = await app.signIn();
    for (let attempt = 0; attempt < 2; attempt++) expect((await logoutBy(first.refreshToken)).status).toBe(204);
    expect(await codeOf(app.me(first.token))).toEqual(revoked);
    expect(await codeOf(app.refresh(first.refreshToken))).toEqual([401, 'refresh_token_invalid']);
  });

  it('by a used refresh token ends its own session only', async () => {
    const first = await app.signIn();
    const other = await app.signInAs(first.email);
    const second = tokensOf(await app.refresh(first.refreshToken));
    await app.refresh(second.refreshToken);
    expect((await logoutBy(first.refreshToken)).status).toBe(204);
    expect(await codeOf(app.me(second.token))).toEqual(revoked);
    expect(await codeOf(logoutBy(first.refreshToken, 'global'))).toEqual([401, 'refresh_token_invalid']);
    expect(await codeOf(app.me(other.token))).toEqual(alive);
  });

  it('of the others by a reused refresh token counts as reuse', async () => {
    const first = await app.signIn();
    const other = await app.signInAs(first.email);
    const second = tokensOf(await app.refresh(first.refreshToken));
    await app.refresh(second.refreshToken);
    expect(await codeOf(logoutBy(first.refreshToken, 'others'))).toEqual([401, 'refresh_token_reused']);
    expect(await codeOf(app.me(second.token))).toEqual(revoked);
    expect(await codeOf(app.me(other.token))).toEqual(alive);
  });

  it('by a refresh token in the body ends that session, whatever token is in the header', async () => {
    const [first, otherUser] = [await app.signIn(), await app.signIn()];
    expect((await logoutBy(first.refreshToken, 'global', otherUser.token)).status).toBe(204);
    expect(await codeOf(app.me(first.token))).toEqual(revoked);
    expect(await codeOf(app.me(otherUser.token))).toEqual(alive);
  });

  it('without a refresh token in the body is refused for what is wrong with the header', async () => {
    for (const [flaw, header] of await flawedHeaders()) {
      const headers = { authorization: header };
      const code = flaw.startsWith('token_') ? flaw : 'token_missing';
      expect([flaw, await codeOf(app.call('POST', '/v1/auth/logout', { headers }))]).toEqual([flaw, [401, code]]);
    }
    expect(await codeOf(app.call('POST', '/v1/auth/logout'))).toEqual([401, 'token_missing']);
  });

  it('by access token accepts a Content-Type without a body', async () => {
    const [first, second] = [await app.signIn(), await app.signIn()];
    const headers = { 'content-type': 'application/json' };
    expect((await app.call('POST', '/v1/auth/logout', { token: first.token, headers })).status).toBe(204);
    expect((await app.call('POST', '/v1/auth/logout', { token: second.token, json: null })).status).toBe(204);
    expect(await codeOf(app.me(first.token))).toEqual(revoked);
    expect(await codeOf(app.me(second.token))).toEqual(revoked);
    expect(await codeOf(app.call('POST', '/v1/auth/login', { headers }))).toEqual([400, 'json_malformed']);
  });

  it('is refused without credentials, with invalid ones, and with an unknown scope', async () => {
    const first = await app.signIn();
    expect(await codeOf(app.call('POST', '/v1/auth/logout'))).toEqual([401, 'token_missing']);
    expect(await codeOf(logoutBy('x'))).toEqual([401, 'refresh_token_invalid']);
    expect(await codeOf(app.logout('x.y.z'))).toEqual([401, 'token_invalid']);
    expect(await codeOf(app.logout(first.token, 'everything'))).toEqual([400, 'validation_failed']);
    expect(await codeOf(app.call('POST', '/v1/auth/logout', { json: { other: 'x' } }))).toEqual([
      400,
      'validation_failed',
    ]);
    expect(await codeOf(app.me(first.token))).toEqual(alive);
  });
});

describe('an expired session', () => {
  it('can still be ended with its access tokens, and is not purged before those expire (SES-01)', async () => {
    const separateApp = await startApp();
    const [first, second] = [await separateApp.signIn(), await separateApp.signIn()];
    await separateApp.query(`UPDATE sessions SET created_at = now() - interval '40 days'`);
    await separateApp.nest.get(SessionsPurgeJob, { strict: false }).purgeSessions();
    expect((await separateApp.logout(first.token)).status).toBe(204);
    expect(await codeOf(separateApp.me(first.token))).toEqual(revoked);
    expect((await separateApp.call('DELETE', `/v1/auth/sessions/${second.sessionId}`, second)).status).toBe(204);
    expect(await codeOf(separateApp.me(second.token))).toEqual(revoked);
  });
});

describe('a login', () => {
  it("dates the session by the database's clock, and never ends the session it has just started", async () => {
    const separateApp = await startApp();
    const first = await separateApp.signIn();
    await separateApp.query(`ALTER TABLE sessions ALTER created_at SET DEFAULT now() - interval '1 day',
                                            ALTER refreshed_at SET DEFAULT now() - interval '2 days'`);
    await separateApp.query(
      `INSERT INTO sessions (id, user_id, created_at, refreshed_at)
       SELECT gen_random_uuid(), $1, now(), now() FROM generate_series(1, 99)`,
      [first.userId],
    );
    const last = await separateApp.signInAs(first.email);
    const rows = await separateApp.query(
      `SELECT round(extract(epoch FROM now() - created_at) / 86400) AS created,
              round(extract(epoch FROM now() - refreshed_at) / 86400) AS refreshed FROM sessions WHERE id = $1`,
      [last.sessionId],
    );
    expect(rows).toEqual([{ created: '1', refreshed: '2' }]);
    expect((await separateApp.me(last.token)).status).toBe(200);
    expect(await separateApp.query('SELECT FROM sessions WHERE ended_at IS NULL')).toHaveLength(100);
  });

  it('always starts a new session, whatever the client sends along (SES-06)', async () => {
    const first = await app.signIn();
    const login = await app.call('POST', '/v1/auth/login', {
      token: first.token,
      json: { email: first.email, password: PASSWORD },
      headers: { cookie: `sid=${first.sessionId}` },
    });
    expect(login.status).toBe(200);
    expect(claimsOf(tokensOf(login).token)['sid']).not.toBe(first.sessionId);
    const chosen = { email: first.email, password: PASSWORD, sessionId: first.sessionId };
    expect(await codeOf(app.call('POST', '/v1/auth/login', { json: chosen }))).toEqual([400, 'validation_failed']);
  });
});

describe('a change of password', () => {
  it('ends every other session, keeps this one, and takes effect at once (SES-02, PWD-08)', async () => {
    const first = await app.signIn();
    const other = await app.signInAs(first.email);
    expect((await changePassword(first.token, PASSWORD)).status).toBe(204);
    expect(await codeOf(app.me(first.token))).toEqual(alive);
    expect((await app.refresh(first.refreshToken)).status).toBe(200);
    expect(await codeOf(app.me(other.token))).toEqual(revoked);
    expect(await codeOf(app.refresh(other.refreshToken))).toEqual([401, 'refresh_token_invalid']);
    expect((await app.login(first.email)).status).toBe(401);
    expect((await app.login(first.email, NEW_PASSWORD)).status).toBe(200);
  });

  it('needs the current password and an acceptable new one, and changes nothing otherwise (SES-05, PWD-03)', async () => {
    const first = await app.signIn();
    const other = await app.signInAs(first.email);
    expect(await codeOf(changePassword(first.token, 'not the current one'))).toEqual([401, 'credentials_invalid']);
    expect(await codeOf(changePassword(first.token, PASSWORD, 'short'))).toEqual([422, 'password_too_short']);
    expect(await codeOf(changePassword(first.token, PASSWORD, first.email))).toEqual([422, 'password_contextual']);
    expect(await codeOf(app.me(other.token))).toEqual(alive);
    expect((await app.login(first.email)).status).toBe(200);
  });

  it('concurrent with another has one winner (PWD-08)', async () => {
    for (let round = 0; round < 10; round++) {
      const first = await app.signIn();
      const passwords = ['the first new passphrase', 'the second new passphrase'];
      const answers = await Promise.all(passwords.map((password) => changePassword(first.token, PASSWORD, password)));
      expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([204, 401]));
      const logins = await Promise.all(passwords.map((password) => app.login(first.email, password)));
      expect(logins.map(({ status }) => status === 200)).toEqual(answers.map(({ status }) => status === 204));
      expect((await app.login(first.email)).status).toBe(401);
    }
  });

  it('concurrent with logins leaves no session that was started with the old password (SES-02)', async () => {
    for (let round = 0; round < 10; round++) {
      const first = await app.signIn();
      const logins = Array.from({ length: 6 }, () => app.login(first.email));
      expect((await changePassword(first.token, PASSWORD)).status).toBe(204);
      const begun = (await Promise.all(logins))
        .filter(({ status }) => status === 200)
        .map((answer) => tokensOf(answer));
      for (const { token, refreshToken } of begun) {
        expect(await codeOf(app.me(token))).toEqual(revoked);
        expect(await codeOf(app.refresh(refreshToken))).toEqual([401, 'refresh_token_invalid']);
      }
      expect((await list(first.token)).map(({ id }) => id)).toEqual([first.sessionId]);
    }
  });

  it('concurrent with the renewal of an old hash is neither lost nor refused', async () => {
    const dearer = await startApp({ databaseUrl: app.databaseUrl, changes: { argon2Passes: 2 } });
    for (let round = 0; round < 10; round++) {
      const first = await app.signIn();
      const [change, login] = await Promise.all([changePassword(first.token, PASSWORD), dearer.login(first.email)]);
      expect(change.status).toBe(204);
      expect([200, 401]).toContain(login.status);
      expect((await app.login(first.email)).status).toBe(401);
      expect((await app.login(first.email, NEW_PASSWORD)).status).toBe(200);
    }
  });

  it('of a user who is disabled meanwhile is refused', async () => {
    const first = await app.signIn();
    const client = new pg.Client({ connectionString: app.databaseUrl });
    await client.connect();
    onTestFinished(() => client.end());
    await client.query('BEGIN');
    await client.query('UPDATE users SET disabled_at = now() WHERE id = $1', [first.userId]);
    const change = changePassword(first.token, PASSWORD);
    const waiting = `SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`;
    await expect.poll(() => app.query(waiting)).toHaveLength(1);
    await client.query('COMMIT');
    expect(await codeOf(change)).toEqual([401, 'credentials_invalid']);
  });
});

describe('disabling a user', () => {
  it('concurrently with logins that renew an old hash leaves no live session and no valid token (SES-03)', async () => {
    const dearer = await startApp({ databaseUrl: app.databaseUrl, changes: { argon2Passes: 2 } });
    const accounts = dearer.nest.get(UserAdministrationService, { strict: false });
    for (let round = 0; round < 10; round++) {
      const first = await app.signIn();
      const logins = Array.from({ length: 6 }, () => dearer.login(first.email));
      await accounts.disableUser(first.email);
      const begun = (await Promise.all(logins))
        .filter(({ status }) => status === 200)
        .map((answer) => tokensOf(answer));
      for (const { token, refreshToken } of begun) {
        expect(await codeOf(dearer.me(token))).toEqual(revoked);
        expect(await codeOf(dearer.refresh(refreshToken))).toEqual([401, 'refresh_token_invalid']);
      }
      expect(await app.query('SELECT FROM sessions WHERE user_id = $1 AND ended_at IS NULL', [first.userId])).toEqual(
        [],
      );
      expect((await dearer.login(first.email)).status).toBe(401);
    }
  });
});

describe('deleting the account', () => {
  it('needs the current password, ends every session and frees the address (SES-03, SES-05)', async () => {
    const [first, otherUser] = [await app.signIn(), await app.signIn()];
    const other = await app.signInAs(first.email);
    const remove = (currentPassword: string): Promise<Answer> =>
      app.call('POST', '/v1/users/me/deletion', { token: first.token, json: { currentPassword } });
    expect(await codeOf(remove('not the current one'))).toEqual([401, 'credentials_invalid']);
    expect((await remove(PASSWORD)).status).toBe(204);
    for (const { token } of [first, other]) expect(await codeOf(app.me(token))).toEqual(revoked);
    expect(await codeOf(app.refresh(other.refreshToken))).toEqual([401, 'refresh_token_invalid']);
    expect((await app.login(first.email)).status).toBe(401);
    expect(await app.query('SELECT FROM sessions WHERE user_id = $1', [first.userId])).toEqual([]);
    expect((await app.register(first.email)).status).toBe(201);
    expect(await codeOf(app.me(first.token))).toEqual(revoked);
    expect(await codeOf(app.me(otherUser.token))).toEqual(alive);
  });
});

describe('the purge of sessions', () => {
  it('deletes sessions that ended over a day ago, in batches, on one node at a time, and nothing else', async () => {
    const separateApp = await startApp();
    const { userId, sessionId } = await separateApp.signIn();
    const insert = (count: number, columns: string, values: string): Promise<unknown> =>
      separateApp.query(
        `INSERT INTO sessions (id, user_id, ${columns}) SELECT gen_random_uuid(), $1, ${values} FROM generate_series(1, ${count})`,
        [userId],
      );
    await insert(2500, 'ended_at', `now() - interval '25 hours'`);
    await insert(700, 'refreshed_at', `now() - interval '16 days'`);
    await insert(600, 'created_at, refreshed_at', `now() - interval '32 days', now() - interval '25 hours'`);
    await insert(1, 'created_at', `now() - interval '32 days'`);
    await insert(5, 'ended_at', `now() - interval '23 hours'`);
    await insert(5, 'refreshed_at', `now() - interval '14 days 23 hours'`);
    const again = await startApp({ databaseUrl: separateApp.databaseUrl });
    await Promise.all(
      [separateApp, again].map(({ nest }) => nest.get(SessionsPurgeJob, { strict: false }).purgeSessions()),
    );
    const left = await separateApp.query<{ id: string }>('SELECT id FROM sessions');
    expect(left).toHaveLength(12);
    expect(left.map(({ id }) => id)).toContain(sessionId);
  });
});
