import { createRemoteJWKSet, decodeProtectedHeader, jwtVerify } from 'jose';
import { randomUUID } from 'node:crypto';
import { beforeAll, afterAll, describe, expect, it } from 'vitest';
import { PASSWORD, startApp, type Answer, type TestApp } from '../support/app.js';

let app: TestApp;
const cleanups: (() => Promise<void>)[] = [];

beforeAll(async () => {
  app = await startApp({}, (clean) => cleanups.unshift(clean));
});
afterAll(async () => {
  for (const clean of cleanups) await clean();
});

const address = (): string => `${randomUUID()}@Example.com`;

describe('registration', () => {
  it('returns the user without the hash', async () => {
    const email = address();
    const { status, body } = await app.register(email);
    expect(status).toBe(201);
    expect(body).toEqual({
      id: expect.stringMatching(/^[\da-f-]{36}$/),
      email,
      roles: [],
      profile: {},
      emailVerified: false,
      createdAt: expect.any(String),
    });
    expect(String(body['id'])[14]).toBe('7');
  });

  it('refuses an address that is taken in another letter case', async () => {
    const email = address();
    await app.register(email);
    const { status, body } = await app.register(email.toUpperCase());
    expect([status, body['code']]).toEqual([409, 'email_taken']);
  });

  it('creates one user from a hundred concurrent registrations of one address in different letter case', async () => {
    const email = `race-${randomUUID()}@example.com`;
    const spelled = Array.from({ length: 100 }, (_, index) => (index % 2 ? email.toUpperCase() : email));
    const register = async (each: string): Promise<Answer> => {
      const answer = await app.register(each);
      // There are more than the hash threads and the pool let wait on a busy machine: 503 has written nothing.
      return answer.status === 503 ? register(each) : answer;
    };
    const answers = await Promise.all(spelled.map(register));
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(1);
    expect(answers.filter(({ status }) => status === 409)).toHaveLength(99);
    expect(await app.query('SELECT 1 FROM users WHERE email_lower = $1', [email])).toHaveLength(1);
  });

  it.each([
    ['short', 'password_too_short'],
    ['x1'.repeat(200), 'password_too_long'],
    ['passwordpassword', 'password_common'],
    ['gatehousegatehouse', 'password_contextual'],
  ])('refuses the password %s with %s', async (password, code) => {
    const { status, body } = await app.register(address(), password);
    expect([status, body['code']]).toEqual([422, code]);
  });

  it.each([
    ['an unknown member', { email: 'a@example.com', password: PASSWORD, role: 'admin' }, '/role'],
    ['a missing member', { email: 'a@example.com' }, '/password'],
    ['a wrong type', { email: 'a@example.com', password: 12_345_678 }, '/password'],
    ['no address', { email: 'nobody', password: PASSWORD }, '/email'],
    ['an address beyond ASCII', { email: 'é@example.com', password: PASSWORD }, '/email'],
    ['a local part over 64', { email: `${'a'.repeat(65)}@example.com`, password: PASSWORD }, '/email'],
  ])('refuses %s and names the member', async (_what, json, pointer) => {
    const { status, body } = await app.call('POST', '/v1/auth/register', { json });
    expect([status, body['code']]).toEqual([400, 'validation_failed']);
    expect(body['errors']).toEqual([{ pointer, detail: expect.any(String) }]);
  });

  it('stores argon2id with a 16-byte salt and a 32-byte tag', async () => {
    const { email } = await app.signIn();
    const [row] = await app.query<{ hash: string }>('SELECT password_hash AS hash FROM users WHERE email_lower = $1', [
      email,
    ]);
    const [, , , , salt = '', tag = ''] = row?.hash.split('$') ?? [];
    expect(row?.hash).toMatch(/^\$argon2id\$v=19\$m=8,t=1,p=1\$/);
    expect([Buffer.from(salt, 'base64').length, Buffer.from(tag, 'base64').length]).toEqual([16, 32]);
  });
});

describe('a login', () => {
  it('returns a bearer token and starts the session that the token names', async () => {
    const email = address();
    await app.register(email);
    const { status, headers, body } = await app.login(email.toLowerCase());
    expect(status).toBe(200);
    expect(headers.get('cache-control')).toBe('no-store');
    expect(body).toEqual({
      access_token: expect.any(String),
      token_type: 'Bearer',
      expires_in: 900,
      refresh_token: expect.stringMatching(/^[\w-]{60}$/),
    });
    const me = await app.call('GET', '/v1/auth/me', { token: String(body['access_token']) });
    const [session] = await app.query<{ id: string }>(
      'SELECT s.id FROM sessions s JOIN users u ON u.id = s.user_id WHERE u.email_lower = $1',
      [email.toLowerCase()],
    );
    expect(me.body).toEqual({
      kind: 'user',
      userId: expect.any(String),
      email,
      roles: [],
      sessionId: session?.id,
      expiresAt: expect.any(String),
    });
  });

  it('has one answer for an unknown address, a wrong password and a disabled user', async () => {
    const { email } = await app.signIn();
    const disabled = await app.signIn();
    await app.query('UPDATE users SET disabled_at = now() WHERE email_lower = $1', [disabled.email]);
    const answers = await Promise.all([
      app.login('nobody@example.com'),
      app.login(email, 'not the right passphrase'),
      app.login(disabled.email),
    ]);
    const told = answers.map(({ status, body: { instance: _instance, ...fixed } }) => [status, fixed]);
    expect(told[0]).toEqual([401, expect.objectContaining({ code: 'credentials_invalid' })]);
    expect(told).toEqual([told[0], told[0], told[0]]);
  });

  it('accepts a password of any age and never demands a change (PWD-06)', async () => {
    const { email } = await app.signIn();
    await app.query(`UPDATE users SET created_at = now() - interval '30 years' WHERE email_lower = $1`, [email]);
    const { status, body } = await app.login(email);
    expect([status, Object.keys(body).toSorted()]).toEqual([
      200,
      ['access_token', 'expires_in', 'refresh_token', 'token_type'],
    ]);
  });

  it('keeps at most a hundred live sessions and ends the oldest', async () => {
    const { email } = await app.signIn();
    const user = '(SELECT id FROM users WHERE email_lower = $1)';
    await app.query(
      `INSERT INTO sessions (id, user_id, created_at)
       SELECT gen_random_uuid(), ${user}, now() - n * interval '1 minute' FROM generate_series(1, 99) n`,
      [email],
    );
    await app.login(email);
    const rows = await app.query<{ ended: boolean; oldest: boolean }>(
      `SELECT ended_at IS NOT NULL AS ended, created_at = min(created_at) OVER () AS oldest FROM sessions WHERE user_id = ${user}`,
      [email],
    );
    expect(rows).toHaveLength(101);
    expect(rows.filter(({ ended }) => ended)).toEqual([{ ended: true, oldest: true }]);
  });

  it('renews a hash of another cost', async () => {
    const { email } = await app.signIn();
    const dearer = await startApp({ databaseUrl: app.databaseUrl, changes: { argon2Passes: 2 } });
    expect((await dearer.login(email)).status).toBe(200);
    const [row] = await app.query<{ hash: string }>('SELECT password_hash AS hash FROM users WHERE email_lower = $1', [
      email,
    ]);
    expect(row?.hash).toContain('$m=8,t=2,p=1$');
    expect((await app.login(email)).status).toBe(200);
  });
});

describe('access tokens', () => {
  it('have the shape of RFC 9068, and a standard verifier accepts them with the published keys', async () => {
    const { token, email } = await app.signIn();
    expect(decodeProtectedHeader(token)).toEqual({ typ: 'at+jwt', alg: 'ES256', kid: expect.any(String) });
    const keys = createRemoteJWKSet(new URL(`${app.url}/.well-known/jwks.json`));
    const issuer = 'http://127.0.0.1:3000';
    const { payload } = await jwtVerify(token, keys, { typ: 'at+jwt', issuer, audience: issuer });
    const named = ['aud', 'client_id', 'email', 'exp', 'iat', 'iss', 'jti', 'rv', 'sid', 'sub'];
    expect(Object.keys(payload).toSorted()).toEqual(named);
    expect(payload).toMatchObject({ client_id: 'gatehouse', email, exp: (payload.iat ?? 0) + 900 });
  });

  it('are signed with RS256 if configured, and with HS256 and no published key under JWT_SECRET', async () => {
    const rsa = await startApp({ changes: { signingAlg: 'RS256' } });
    const shared = await startApp({ changes: { jwtSecret: ['pQ7wE2rT9yU4iO1pA6sD3fG8hJ5kL0zX'] } });
    const [withRsa, withSecret] = [await rsa.signIn(), await shared.signIn()];
    expect(decodeProtectedHeader(withRsa.token).alg).toBe('RS256');
    expect(decodeProtectedHeader(withSecret.token).alg).toBe('HS256');
    expect((await rsa.call('GET', '/v1/auth/me', withRsa)).status).toBe(200);
    expect((await shared.call('GET', '/v1/auth/me', withSecret)).status).toBe(200);
    expect((await shared.call('GET', '/.well-known/jwks.json')).body).toEqual({ keys: [] });
    expect((await shared.call('GET', '/v1/auth/me', withRsa)).body['code']).toBe('token_invalid');
  });

  it('are verifiable with published keys that have public members only', async () => {
    const { body } = await app.call('GET', '/.well-known/jwks.json');
    const member = expect.any(String);
    const key = { kty: 'EC', kid: member, alg: 'ES256', use: 'sig', crv: 'P-256', x: member, y: member };
    expect(body).toEqual({ keys: [key, key] });
  });

  it('stay valid over a restart, and a node without the master secret refuses to start', async () => {
    const { token } = await app.signIn();
    const again = await startApp({ databaseUrl: app.databaseUrl });
    expect((await again.call('GET', '/v1/auth/me', { token })).status).toBe(200);
    const nodeWithOtherSecret = startApp({
      databaseUrl: app.databaseUrl,
      changes: { masterSecret: ['vB4nM8qW1eR6tY3uI9oP5aS2dF7gH0jK'] },
    });
    await expect(nodeWithOtherSecret).rejects.toThrow(/needs another MASTER_SECRET/);
    expect(await app.query('SELECT 1 FROM signing_keys')).toHaveLength(2);
  });

  it('are signed by one key when four nodes start for the first time at once', async () => {
    const first = await startApp({ changes: { jwtSecret: ['pQ7wE2rT9yU4iO1pA6sD3fG8hJ5kL0zX'] } });
    const { databaseUrl } = first;
    await Promise.all([1, 2, 3, 4].map(() => startApp({ databaseUrl })));
    const keys = await first.query(
      'SELECT activated_at IS NOT NULL AS active FROM signing_keys ORDER BY activated_at NULLS LAST',
    );
    expect(keys).toEqual([{ active: true }, { active: false }]);
  });
});
