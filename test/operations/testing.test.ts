import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, inject, it, onTestFinished, vi } from 'vitest';
// Built: a process of its own applies the migrations.
import { startTestApp } from '../../dist/testing.js';
import { Users } from '../../dist/users/users.js';
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
  const exitListeners = process.listeners('exit');
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
    expect(process.listeners('exit')).toEqual(exitListeners);
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

/** A folder of migrations by their names. */
function migrationsOf(texts: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(join(tmpdir(), 'gatehouse-migrations-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  for (const [name, text] of Object.entries(texts)) {
    mkdirSync(join(folder, name));
    writeFileSync(join(folder, name, 'migration.sql'), text);
  }
  writeFileSync(join(folder, 'migration_lock.toml'), 'provider = "postgresql"');
  return folder;
}

it('a test application has the tables of the migrations that it is given, in their order', async () => {
  vi.stubEnv('TEST_DATABASE_URL', inject('databaseServerUrl'));
  try {
    const migrations = migrationsOf({
      '2_text': 'ALTER TABLE notes ADD COLUMN text text;',
      '1_notes': 'CREATE TABLE notes (user_id uuid REFERENCES gatehouse.users (id) ON DELETE CASCADE);',
    });
    const app = await startTestApp({ migrations, databaseSchema: 'own' });
    const { userId } = await app.signIn();
    const rows = await app.query`INSERT INTO own.notes VALUES (${userId}::uuid, 'a') RETURNING text`;
    expect(rows).toEqual([{ text: 'a' }]);
    await app.close();
    const broken = migrationsOf({ '1_notes': 'CREATE TABLE notes (id uuid); CREATE TABLE notes (id uuid);' });
    await expect(startTestApp({ migrations: broken })).rejects.toThrow(
      `The migration ${broken}/1_notes failed: relation "notes" already exists`,
    );
    await expect(startTestApp({ migrations: '/no/such/folder' })).rejects.toThrow(
      "The folder of the migrations cannot be read: ENOENT: no such file or directory, scandir '/no/such/folder'",
    );
    const empty = migrationsOf({});
    await expect(startTestApp({ migrations: empty })).rejects.toThrow(`The folder ${empty} has no migrations`);
    expect(await remains()).toEqual([]);
  } finally {
    vi.unstubAllEnvs();
  }
});

it('a user of a test application logs in again for a token with a new role', async () => {
  vi.stubEnv('TEST_DATABASE_URL', inject('databaseServerUrl'));
  try {
    const app = await startTestApp();
    const user = await app.signIn();
    await app.app.nest.get(Users, { strict: false }).grant(user.userId, 'editor');
    const again = await app.logIn(user);
    expect(again.userId).toBe(user.userId);
    expect((await app.call('GET', '/v1/auth/me', { token: again.token })).body).toMatchObject({ roles: ['editor'] });
    await app.close();
  } finally {
    vi.unstubAllEnvs();
  }
});
