import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { LIMITS } from '../../src/rate-limits/limit-policies.js';
import { PASSWORD, startApp, type Answer, type TestApp } from '../support/app.js';
import { limitKeys, useUpLimit } from '../support/rate-limit-states.js';

let app: TestApp;
beforeAll(async () => {
  const clean: (() => Promise<void>)[] = [];
  app = await startApp({}, (each) => clean.push(each));
  return async () => {
    for (const each of clean.toReversed()) await each();
  };
});

const change = (token: string, json: unknown): Promise<Answer> => app.call('PATCH', '/v1/users/me', { token, json });
const read = async (token: string): Promise<unknown> =>
  (await app.call('GET', '/v1/users/me', { token })).body['profile'];

const nested = (depth: number): unknown => JSON.parse('{"a":'.repeat(depth - 1) + '{}' + '}'.repeat(depth - 1));

/** Bodies with a profile that is refused, and the pointer to what is wrong. */
const WRONG: [string, unknown, string][] = [
  ['a list', [], '/profile'],
  ['null', null, '/profile'],
  ['a text', 'Ada', '/profile'],
  ['more than 4096 bytes', { a: 'x'.repeat(4089) }, '/profile'],
  ['nested deeper than 8 levels', nested(9), '/profile'],
];

describe('the profile of a user', () => {
  it('is empty at first, replaced as a whole by its owner, and needs no new token', async () => {
    const { token, email } = await app.signIn();
    expect(await read(token)).toEqual({});
    const profile = { name: 'Ada', tags: ['a', { b: null }], 'ä"\\': -1.5e-7 };
    const { status, body } = await change(token, { profile });
    expect([status, body]).toEqual([
      200,
      { id: expect.any(String), email, emailVerified: false, roles: [], profile, createdAt: expect.any(String) },
    ]);
    expect((await change(token, { profile: { city: 'London' } })).status).toBe(200);
    expect(await read(token)).toEqual({ city: 'London' });
    expect((await app.me(token)).status).toBe(200);
  });

  it('is answered as it was written, also to changes at the same time', async () => {
    const { token } = await app.signIn();
    const profiles = Array.from({ length: 30 }, (_, number) => ({ number }));
    const answers = await Promise.all(profiles.map((profile) => change(token, { profile })));
    expect(answers.map(({ body }) => body['profile'])).toEqual(profiles);
    expect(profiles).toContainEqual(await read(token));
  });

  it('may be given at registration', async () => {
    const json = { email: `${randomUUID()}@example.com`, password: PASSWORD, profile: { name: 'Ada' } };
    const { status, body } = await app.call('POST', '/v1/auth/register', { json });
    expect([status, body['profile']]).toEqual([201, { name: 'Ada' }]);
    expect(await read((await app.signInAs(json.email)).token)).toEqual({ name: 'Ada' });
  });

  it('may have 4096 bytes and 8 levels', async () => {
    const { token } = await app.signIn();
    for (const profile of [{ a: 'x'.repeat(4088) }, nested(8)]) {
      expect((await change(token, { profile })).status).toBe(200);
      expect(await read(token)).toEqual(profile);
    }
  });

  it.each(WRONG)('cannot be %s, and is then as it was', async (_case, profile, pointer) => {
    const { token } = await app.signIn();
    await change(token, { profile: { name: 'Ada' } });
    const email = `${randomUUID()}@example.com`;
    const refused = [
      await change(token, { profile }),
      await app.call('POST', '/v1/auth/register', { json: { email, password: PASSWORD, profile } }),
    ];
    for (const { status, body } of refused) {
      const [error] = body['errors'] as { pointer: string }[];
      expect([status, body['code'], error?.pointer]).toEqual([400, 'validation_failed', pointer]);
    }
    expect(await read(token)).toEqual({ name: 'Ada' });
    expect((await app.login(email)).status).toBe(401);
  });

  it('is the only thing that its owner may change there', async () => {
    const { token } = await app.signIn();
    for (const json of [{}, { profile: {}, roles: ['admin'] }, { roles: ['admin'] }, { profile: {}, appData: {} }]) {
      expect((await change(token, json)).body['code']).toBe('validation_failed');
    }
    const json = { email: `${randomUUID()}@example.com`, password: PASSWORD, roles: ['admin'] };
    expect((await app.call('POST', '/v1/auth/register', { json })).body['code']).toBe('validation_failed');
  });

  it('of a deleted user is 404', async () => {
    const { token, email } = await app.signIn();
    await app.query('DELETE FROM users WHERE email_lower = $1', [email]);
    expect((await change(token, { profile: {} })).body['code']).toBe('user_not_found');
  });

  it('is changed at most 60 times in an hour; what is refused does not count, nor do other users (BRU-09)', async () => {
    const limited = await startApp({ changes: { rateLimits: 'on' } });
    const { token, userId } = await limited.signIn();
    const patch = (profile: unknown, by = token): Promise<Answer> =>
      limited.call('PATCH', '/v1/users/me', { token: by, json: { profile } });
    expect((await patch([])).status).toBe(400);
    expect(
      await limited.query('SELECT key FROM rate_limits WHERE key = $1', [
        limitKeys(limited).keyFor(LIMITS.profileUser.name, userId),
      ]),
    ).toEqual([]);
    await patch({ turn: 0 });
    await useUpLimit(limited, LIMITS.profileUser, 59 * 60 - 30, [userId]);
    expect((await patch({ turn: 1 })).status).toBe(200);
    const refused = await patch({ turn: 2 });
    expect([refused.status, refused.body['code']]).toEqual([429, 'too_many_attempts']);
    expect(refused.headers.get('ratelimit-policy')).toBe('"profile-user";q=60;w=3600');
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    const { body } = await limited.call('GET', '/v1/users/me', { token });
    expect(body['profile']).toEqual({ turn: 1 });
    expect((await patch({}, (await limited.signIn()).token)).status).toBe(200);
  });
});
