import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, inject, it, onTestFinished } from 'vitest';
import { KeysService } from '../src/auth/keys.service.js';
import { LimitsService } from '../src/limits/limits.service.js';
import { RevocationsService } from '../src/sessions/revocations.service.js';
import { AuditService } from '../src/audit/audit.service.js';
import { SessionsPurge } from '../src/sessions/sessions-purge.js';
import { createDatabase, PASSWORD, query, startApp } from './app.js';
import { startNode } from './processes.js';

/** The statements that the README prints, for a role of this test. */
function printedGrants(role: string): string[] {
  const [, printed = ''] = /```sql\n([\s\S]+?)```/.exec(readFileSync('README.md', 'utf8')) ?? [];
  return printed.trim().replaceAll('gatehouse_app', role).split('\n');
}

/** A migrated database, as its owner and as a role that has been let in as the README says. */
async function databaseOfTwoRoles(): Promise<{ ownerUrl: string; appUrl: string }> {
  const role = `app_${randomUUID().replaceAll('-', '')}`;
  const [create = '', ...grants] = printedGrants(role);
  const administratorUrl = inject('administratorUrl');
  await query(administratorUrl, create);
  onTestFinished(() => query(administratorUrl, `DROP ROLE ${role}`).then(() => undefined));
  const ownerUrl = await createDatabase();
  for (const grant of grants) await query(ownerUrl, grant);
  const appUrl = new URL(ownerUrl);
  [appUrl.username, appUrl.password] = [role, 'choose one'];
  return { ownerUrl, appUrl: appUrl.href };
}

describe('a database role that may only read and write rows', () => {
  it('is enough to start and to serve, and there is no account but those that register (CFG-02)', async () => {
    const { ownerUrl, appUrl } = await databaseOfTwoRoles();
    const { client } = await startNode(appUrl, { RATE_LIMITS: 'on' });
    expect((await client.call('GET', '/health/ready')).status).toBe(200);
    expect(await query(ownerUrl, 'SELECT FROM users')).toEqual([]);
    const { email, token, refreshToken } = await client.signIn();
    expect((await client.refresh(refreshToken)).status).toBe(200);
    for (let turn = 0; turn < 10; turn++) expect((await client.login(email, 'wrong passphrase')).status).toBe(401);
    expect((await client.login(email)).status).toBe(429);
    expect((await client.logout(token, 'global')).status).toBe(204);
    expect((await client.me(token)).status).toBe(401);
    expect(await query(ownerUrl, 'SELECT FROM users')).toHaveLength(1);
  });

  it('is enough to look after sessions, keys, limits and accounts (CFG-02)', async () => {
    const { ownerUrl, appUrl } = await databaseOfTwoRoles();
    const app = await startApp({ databaseUrl: appUrl, changes: { rateLimits: 'on', keyPublishSeconds: 0 } });
    const { email, token } = await app.signIn();
    const json = { currentPassword: PASSWORD, newPassword: 'another long passphrase' };
    expect((await app.call('POST', '/v1/users/me/password', { token, json })).status).toBe(204);
    await app.logout((await app.signInAs(email, json.newPassword)).token);
    await app.nest.get(KeysService, { strict: false }).rotate();
    await query(
      ownerUrl,
      `UPDATE sessions SET ended_at = now() - interval '1 year', refreshed_at = now() - interval '1 year'`,
    );
    await query(ownerUrl, `UPDATE revocations SET created_at = now() - interval '1 year'`);
    await query(ownerUrl, `UPDATE rate_limits SET full_at = now() - interval '1 year'`);
    await app.nest.get(SessionsPurge, { strict: false }).purge();
    await query(
      ownerUrl,
      `INSERT INTO audit_events (occurred_at, event, actor) VALUES (now() - interval '1 year', 'old', 'system')`,
    );
    await app.nest.get(AuditService, { strict: false }).purge();
    expect(await query(ownerUrl, `SELECT FROM audit_events WHERE event = 'old'`)).toEqual([]);
    await app.nest.get(RevocationsService, { strict: false }).purge();
    await app.nest.get(LimitsService, { strict: false }).purgeLimits();
    for (const table of ['sessions', 'revocations', 'rate_limits']) {
      expect(await query(ownerUrl, `SELECT FROM ${table}`)).toEqual([]);
    }
    const again = await app.signInAs(email, json.newPassword);
    const deletion = { token: again.token, json: { currentPassword: json.newPassword } };
    expect((await app.call('POST', '/v1/users/me/deletion', deletion)).status).toBe(204);
    expect(await query(ownerUrl, 'SELECT FROM users')).toEqual([]);
  });

  it('may change nothing of the schema, and is let in to what later migrations make (CFG-02)', async () => {
    const { ownerUrl, appUrl } = await databaseOfTwoRoles();
    for (const statement of [
      'CREATE TABLE added ()',
      'ALTER TABLE users ADD COLUMN added int',
      'CREATE INDEX ON users (created_at)',
      'DROP TABLE devices',
      'ALTER TABLE audit_events DISABLE TRIGGER ALL',
      'TRUNCATE users',
      'CREATE SCHEMA added',
      'INSERT INTO _prisma_migrations SELECT * FROM _prisma_migrations',
    ]) {
      await expect(query(appUrl, statement)).rejects.toMatchObject({ code: '42501' });
    }
    await query(ownerUrl, 'CREATE TABLE later (id serial PRIMARY KEY, note text)');
    expect(await query(appUrl, `INSERT INTO later (note) VALUES ('x') RETURNING id`)).toEqual([{ id: 1 }]);
  });
});
