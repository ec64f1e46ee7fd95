import { existsSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { expect, inject, it, vi } from 'vitest';
// Built: a process of its own applies the migrations.
import { startTestApp } from '../../dist/testing.js';
import { query } from '../support/app.js';

/** What is left of databases and servers of such tests. */
async function remains(): Promise<unknown> {
  const databases = await query(
    inject('databaseServerUrl'),
    "SELECT datname FROM pg_database WHERE datname LIKE 'gatehouse\\_test\\_%'",
  );
  return databases;
}

it('a test application has a database of its own on the server of TEST_DATABASE_URL, and drops it', async () => {
  vi.stubEnv('TEST_DATABASE_URL', inject('databaseServerUrl'));
  try {
    const app = await startTestApp();
    const user = await app.signIn();
    expect((await app.call('GET', '/v1/users/me', { token: user.token })).body).toMatchObject({ email: user.email });
    expect(await app.query`SELECT id FROM users WHERE email = ${user.email}`).toEqual([{ id: user.userId }]);
    expect(app.log()).toContainEqual(expect.objectContaining({ event: 'user_registered', userId: user.userId }));
    await expect(app.signIn(user.email)).rejects.toThrow('POST /v1/auth/register answered 409');
    expect(await remains()).toHaveLength(1);
    await app.close();
    expect(await remains()).toEqual([]);
  } finally {
    vi.unstubAllEnvs();
  }
});

it('a test application without one has a server of its own, and nothing of it remains', async () => {
  const before = new Set(readdirSync(tmpdir()));
  const app = await startTestApp({ settings: { ISSUER: 'https://notes.example' } });
  const folder = readdirSync(tmpdir()).find(
    (name) =>
      name.startsWith('gatehouse-test-') && !before.has(name) && existsSync(`${tmpdir()}/${name}/data/postgres`),
  );
  const { token } = await app.signIn();
  expect((await app.call('GET', '/v1/auth/me', { token })).status).toBe(200);
  expect(JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString())).toMatchObject({
    iss: 'https://notes.example',
  });
  expect(folder).toBeDefined();
  await app.close();
  expect(existsSync(`${tmpdir()}/${String(folder)}`)).toBe(false);
});
