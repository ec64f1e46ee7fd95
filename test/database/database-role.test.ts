import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { describe, expect, inject, it, onTestFinished } from 'vitest';
import { KeyAdministrationService } from '../../src/auth/key-administration.service.js';
import { RateLimitsPurgeJob } from '../../src/rate-limits/rate-limits-purge.job.js';
import { RevocationsPurgeJob } from '../../src/revocation/revocations-purge.job.js';
import { AuditPurgeJob } from '../../src/audit/audit-purge.job.js';
import { SessionsPurgeJob } from '../../src/sessions/sessions-purge.job.js';
import { requireTablePrivileges } from '../../src/database/role-privileges.check.js';
import { createDatabase, emptyDatabase, PASSWORD, query, startApp, testConfig } from '../support/app.js';
import { MASTER_SECRET, startNode } from '../support/processes.js';

/** The statements of docs/operations.md, with the role of this test. */
function printedGrants(role: string): string[] {
  const [, printed = ''] = /```sql\n([\s\S]+?)```/.exec(readFileSync('docs/operations.md', 'utf8')) ?? [];
  return printed.trim().replaceAll('gatehouse_app', role).split('\n');
}

/** A role without privileges, a database of another owner, and URLs for both. */
async function createRoleWithoutPrivileges(
  make: () => Promise<string>,
): Promise<{ role: string; url: string; roleUrl: string }> {
  const role = `bare_${randomUUID().replaceAll('-', '')}`;
  const administratorUrl = inject('administratorUrl');
  await query(administratorUrl, `CREATE ROLE ${role} LOGIN PASSWORD 'x'`);
  onTestFinished(() => query(administratorUrl, `DROP ROLE ${role}`).then(() => undefined));
  const url = await make();
  const roleUrl = new URL(url);
  [roleUrl.username, roleUrl.password] = [role, 'x'];
  return { role, url, roleUrl: roleUrl.href };
}

/** The message of a program that exits with 1. */
async function refusalMessage(databaseUrl: string, file: string, ...args: string[]): Promise<string> {
  const env = { ...process.env, DATABASE_URL: databaseUrl, MASTER_SECRET, PORT: '0' };
  const run = promisify(execFile)(process.execPath, [file, ...args], { env });
  const failure = await run.then(
    ({ stdout }) => ({ code: 0, stderr: stdout }),
    (error: unknown) => error as { code: number; stderr: string },
  );
  expect(failure).toMatchObject({ code: 1 });
  return failure.stderr;
}

/** A migrated database: its URLs for the owner and for a role with the grants of docs/operations.md. */
async function createDatabaseWithAppRole(): Promise<{ ownerUrl: string; appUrl: string }> {
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

describe('a database role with only the documented row privileges', () => {
  it('is sufficient to start and serve, and no account exists but those that register (CFG-02)', async () => {
    const { ownerUrl, appUrl } = await createDatabaseWithAppRole();
    const { client } = await startNode(appUrl, { RATE_LIMITS: 'on' });
    expect((await client.call('GET', '/health/ready')).status).toBe(200);
    expect(await query(ownerUrl, 'SELECT FROM users')).toEqual([]);
    const { email, token, refreshToken } = await client.signIn();
    expect((await client.refresh(refreshToken)).status).toBe(200);
    // How many are 401 before depends on how long they take.
    const wrong = async (): Promise<number> => (await client.login(email, 'wrong passphrase')).status;
    await expect.poll(wrong, { interval: 0 }).toBe(429);
    expect((await client.logout(token, 'global')).status).toBe(204);
    expect((await client.me(token)).status).toBe(401);
    expect(await query(ownerUrl, 'SELECT FROM users')).toHaveLength(1);
  });

  it('is sufficient to maintain sessions, keys, limits and accounts (CFG-02)', async () => {
    const { ownerUrl, appUrl } = await createDatabaseWithAppRole();
    const app = await startApp({ databaseUrl: appUrl, changes: { rateLimits: 'on', keyPublishSeconds: 0 } });
    const { email, token } = await app.signIn();
    const json = { currentPassword: PASSWORD, newPassword: 'another long passphrase' };
    expect((await app.call('POST', '/v1/users/me/password', { token, json })).status).toBe(204);
    await app.logout((await app.signInAs(email, json.newPassword)).token);
    await app.nest.get(KeyAdministrationService, { strict: false }).rotateSigningKey();
    await query(
      ownerUrl,
      `UPDATE sessions SET ended_at = now() - interval '1 year', refreshed_at = now() - interval '1 year'`,
    );
    await query(ownerUrl, `UPDATE revocations SET created_at = now() - interval '1 year'`);
    await query(ownerUrl, `UPDATE rate_limits SET full_at = now() - interval '1 year'`);
    await app.nest.get(SessionsPurgeJob, { strict: false }).purgeSessions();
    await query(
      ownerUrl,
      `INSERT INTO audit_events (occurred_at, event, actor) VALUES (now() - interval '1 year', 'old', 'system')`,
    );
    await app.nest.get(AuditPurgeJob, { strict: false }).purgeEvents();
    expect(await query(ownerUrl, `SELECT FROM audit_events WHERE event = 'old'`)).toEqual([]);
    await app.nest.get(RevocationsPurgeJob, { strict: false }).purgeRevocations();
    await app.nest.get(RateLimitsPurgeJob, { strict: false }).purgeLimits();
    for (const table of ['sessions', 'revocations', 'rate_limits']) {
      expect(await query(ownerUrl, `SELECT FROM ${table}`)).toEqual([]);
    }
    const again = await app.signInAs(email, json.newPassword);
    const deletion = { token: again.token, json: { currentPassword: json.newPassword } };
    expect((await app.call('POST', '/v1/users/me/deletion', deletion)).status).toBe(204);
    expect(await query(ownerUrl, 'SELECT FROM users')).toEqual([]);
  });

  it('cannot change the schema, and has access to tables of later migrations (CFG-02)', async () => {
    const { ownerUrl, appUrl } = await createDatabaseWithAppRole();
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

const lacking = (table: string): string =>
  `The role of DATABASE_URL lacks a privilege: permission denied for table ${table}. Ask the owner of the tables to run the GRANT statements of docs/operations.md ("A role for the service") for this role and the schema "public"`;

describe('a database role that lacks a privilege', () => {
  it('is refused at the start with the missing privileges and the statements that grant them (CFG-02)', async () => {
    const { role, url, roleUrl } = await createRoleWithoutPrivileges(() => createDatabase());
    for (const [file = '', ...args] of [['dist/main.js'], ['dist/cli/gatehouse.js', 'events']]) {
      expect(await refusalMessage(roleUrl, file, ...args)).toContain(lacking('_prisma_migrations'));
    }
    await query(url, `GRANT USAGE ON SCHEMA public TO ${role}; GRANT SELECT ON _prisma_migrations TO ${role}`);
    const said = await refusalMessage(roleUrl, 'dist/main.js');
    expect(said).toContain(
      'The role of DATABASE_URL lacks a privilege: SELECT on users, INSERT on users, UPDATE on users, DELETE on users,',
    );
    expect(said).toContain('USAGE on audit_events_id_seq');
  });

  it('that only some requests need is refused at the start (CFG-02)', async () => {
    const { ownerUrl, appUrl } = await createDatabaseWithAppRole();
    const role = new URL(appUrl).username;
    const missingPrivileges = async (): Promise<string> =>
      String(await requireTablePrivileges(testConfig(appUrl)).catch((error: Error) => error.message));
    expect(await missingPrivileges()).toBe('undefined');
    const rights = ['users', 'sessions', 'devices', 'account_guards', 'rate_limits'].flatMap((table) =>
      ['SELECT', 'INSERT', 'UPDATE', 'DELETE'].map((right) => [right, table]),
    );
    rights.push(['UPDATE', 'signing_keys'], ['DELETE', 'revocations'], ['INSERT', 'audit_events']);
    rights.push(['USAGE', 'audit_events_id_seq'], ['USAGE', 'revocations_id_seq']);
    for (const [right = '', name = ''] of rights) {
      const kind = right === 'USAGE' ? 'SEQUENCE' : 'TABLE';
      await query(ownerUrl, `REVOKE ${right} ON ${kind} ${name} FROM ${role}`);
      expect(await missingPrivileges()).toContain(`lacks a privilege: ${right} on ${name}. Ask the owner`);
      await query(ownerUrl, `GRANT ${right} ON ${kind} ${name} TO ${role}`);
    }
    await query(ownerUrl, `REVOKE USAGE ON SEQUENCE audit_events_id_seq FROM ${role}`);
    for (const [file = '', ...args] of [['dist/main.js'], ['dist/cli/gatehouse.js', 'keys', 'rotate']]) {
      expect(await refusalMessage(appUrl, file, ...args)).toContain('lacks a privilege: USAGE on audit_events_id_seq.');
    }
  });

  it('for migrations is told what to run, and leaves no failed migration (CFG-02)', async () => {
    const { role, url, roleUrl } = await createRoleWithoutPrivileges(() => createDatabase());
    await query(url, `GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO ${role}`);
    const last = 'migration_name = (SELECT max(migration_name) FROM _prisma_migrations)';
    await query(url, `DELETE FROM _prisma_migrations WHERE ${last}`);
    const said = await refusalMessage(roleUrl, 'dist/cli/gatehouse.js', 'migrate');
    expect(said).toContain(
      `DATABASE_URL: the role ${role} may not migrate, since the tables in the schema "public" belong to`,
    );
    expect(said).toContain('Run `npm run db:migrate` with that role in the URL');
    expect(await query(url, `SELECT FROM _prisma_migrations WHERE finished_at IS NULL`)).toEqual([]);
  });

  it('to create tables or their schema is given the statement that grants it (CFG-02)', async () => {
    const { role, url, roleUrl } = await createRoleWithoutPrivileges(() => emptyDatabase());
    await query(
      inject('administratorUrl').replace(/\/[^/?]*(?=\?|$)/, new URL(url).pathname),
      `GRANT USAGE ON SCHEMA public TO ${role}`,
    );
    const statement = `GRANT USAGE, CREATE ON SCHEMA "public" TO "${role}";`;
    expect(await refusalMessage(roleUrl, 'dist/cli/gatehouse.js', 'migrate')).toContain(
      `may not create tables in the schema "public". Migrate with another role, or ask an administrator to run: ${statement}`,
    );
    const elsewhere = new URL(roleUrl);
    elsewhere.searchParams.set('schema', 'accounts');
    const said = await refusalMessage(elsewhere.href, 'dist/cli/gatehouse.js', 'migrate');
    expect(said).toContain(`CREATE SCHEMA "accounts" AUTHORIZATION "${role}";`);
  });

  it('to drop the schema is refused by db:reset, and nothing is dropped (CFG-02)', async () => {
    const { url, roleUrl } = await createRoleWithoutPrivileges(() => createDatabase());
    const said = await refusalMessage(roleUrl, 'dist/cli/gatehouse.js', 'reset', '--force');
    expect(said).toMatch(/^The role of DATABASE_URL may not drop/);
    expect(said).toContain(
      'The role of DATABASE_URL may not drop and recreate the schema "public", so nothing was changed',
    );
    const owner = new URL(url).username;
    expect(said).toContain(`Run the command with the schema's owner, ${owner}, in the URL`);
    // The role may not even read which migrations were applied.
    expect(await refusalMessage(roleUrl, 'dist/cli/gatehouse.js', 'migrate')).toContain(`belong to ${owner}. Run \``);
    expect(await query(url, 'SELECT FROM users')).toEqual([]);
  });
});
