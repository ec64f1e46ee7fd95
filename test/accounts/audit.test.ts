import type { Type } from '@nestjs/common';
import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { AccountAdministrationService } from '../../src/account/account-administration.service.js';
import { InvitationsService } from '../../src/account/invitations.service.js';
import { AuditPurgeJob } from '../../src/audit/audit-purge.job.js';
import { AUDIT_EVENTS } from '../../src/audit/audit-events.js';
import { KeyAdministrationService } from '../../src/auth/key-administration.service.js';
import { UserRolesService } from '../../src/users/user-roles.service.js';
import { Users } from '../../src/users/users.js';
import { UserAdministrationService } from '../../src/users/user-administration.service.js';
import { createDatabase, PASSWORD, startApp, type TestApp } from '../support/app.js';
import { claimsOf, tokensOf } from '../support/client.js';
import { MailboxApp } from '../support/mailbox.js';
import { makeLinkToken } from '../support/one-time-links.js';
import { setFailures } from '../support/rate-limit-states.js';
import { MASTER_SECRET } from '../support/processes.js';

const OTHER_PASSWORD = 'another long passphrase';
const UUID = /^[\da-f-]{36}$/;

interface Row {
  readonly event: string;
  readonly actor: string;
  readonly user_id: string | null;
  readonly session_id: string | null;
  readonly address: string | null;
  readonly user_agent: string | null;
  readonly request_id: string | null;
  readonly details: Record<string, unknown>;
}

function trail(app: TestApp, userId: string | null): Promise<Row[]> {
  return app.query<Row>('SELECT * FROM audit_events WHERE user_id IS NOT DISTINCT FROM $1 ORDER BY id', [userId]);
}

/** The log's security events of a user; those of keys if no user is given. */
function securityLines(app: TestApp, userId: string | undefined) {
  return app.log().filter((line) => line['msg'] === 'security' && line['userId'] === userId);
}

const email = (): string => `${randomUUID()}@example.com`;
const service = <Service>(app: TestApp, type: Type<Service>): Service => app.nest.get(type, { strict: false });

/** Causes every event that a user can have, deletion last. */
async function causeEveryUserEvent(app: TestApp): Promise<{ userId: string; sessionId: string }> {
  const address = email();
  await app.register(address);
  const first = await app.signInAs(address);
  await app.logout(first.token);
  const second = await app.signInAs(address);
  await app.signInAs(address);
  await app.logout(second.token, 'others');
  for (let count = 0; count < 100; count++) await app.signInAs(address);
  const third = await app.signInAs(address);
  const { refreshToken } = tokensOf(await app.refresh(third.refreshToken));
  await app.refresh(refreshToken);
  expect((await app.refresh(third.refreshToken)).body).toMatchObject({ code: 'refresh_token_reused' });
  const fourth = await app.signInAs(address);
  const json = { currentPassword: PASSWORD, newPassword: OTHER_PASSWORD };
  expect((await app.call('POST', '/v1/users/me/password', { token: fourth.token, json })).status).toBe(204);
  const accounts = service(app, UserAdministrationService);
  await setFailures(app, address, 10);
  await accounts.unlockUser(address);
  await accounts.disableUser(address);
  await accounts.enableUser(address);
  await service(app, UserRolesService).grantRole(first.userId, 'editor');
  await service(app, UserRolesService).ungrantRole(first.userId, 'editor');
  await service(app, Users).setAppData(first.userId, { plan: 'pro' });
  const { token } = await app.signInAs(address, OTHER_PASSWORD);
  const deletion = { currentPassword: OTHER_PASSWORD };
  expect((await app.call('POST', '/v1/users/me/deletion', { token, json: deletion })).status).toBe(204);
  return first;
}

/** What links of mail cause. */
const OF_LINKS = ['email_verified', 'password_reset', 'email_change_requested', 'email_changed'].concat([
  'email_change_undone',
  'password_link_created',
  'user_invited',
  'invitation_accepted',
  'mail_failed',
]);

describe('the audit trail', () => {
  it('has one row, and the log one line, for everything that a link of mail does (LOG-02)', async () => {
    const mailbox = await MailboxApp.start();
    const { app } = mailbox;
    const post = async (path: string, json: object, token?: string): Promise<void> => {
      const { status } = await app.call('POST', `/v1/${path}`, { json, ...(token !== undefined && { token }) });
      expect(status).toBeLessThan(300);
    };
    const user = await app.signIn();
    const verification = await makeLinkToken(app, 'email_verification', user);
    await post('auth/email-verification/confirm', { token: verification, password: PASSWORD });
    const newEmail = email();
    await post('users/me/email', { currentPassword: PASSWORD, newEmail }, (await app.signInAs(user.email)).token);
    await post('auth/email-change/confirm', { token: (await mailbox.newestLetter(newEmail)).token });
    await post('auth/email-change/undo', { token: (await mailbox.newestLetter(user.email)).token });
    const { token } = await mailbox.newestLetter(user.email);
    await post('auth/password-reset/confirm', { token, newPassword: 'another long passphrase' });
    await service(app, AccountAdministrationService).resetPassword(user.email);
    const invited = email();
    await service(app, InvitationsService).inviteUser(invited);
    const invitation = (await mailbox.newestLetter(invited)).token;
    await post('auth/invitation/accept', { token: invitation, password: PASSWORD });
    // A mail to an address that the mail server has refused before.
    await app.query(
      `INSERT INTO mails (id, template, recipient, recipient_lower, language, outcome, done_at, available_at, failure)
       VALUES ($1, 'test', $2, $2, 'en', 'failed', now(), NULL, '550 5.1.1')`,
      [randomUUID(), user.email],
    );
    await app.query(`UPDATE mails SET created_at = created_at - interval '3 minutes' WHERE template <> 'test'`);
    await post('auth/password-reset', { email: user.email });
    await mailbox.deliverMail();
    const rows = await app.query<{ event: string }>('SELECT event FROM audit_events WHERE user_id IS NOT NULL');
    const lines = app.log().filter(({ msg }) => msg === 'security');
    for (const event of OF_LINKS) {
      expect([event, rows.filter((row) => row.event === event).length]).toEqual([event, 1]);
      expect([event, lines.filter((line) => line['event'] === event).length]).toEqual([event, 1]);
    }
  });

  it("has one row, and the log one line, for every event of a user's life (LOG-02)", async () => {
    const app = await startApp();
    const { userId, sessionId } = await causeEveryUserEvent(app);
    const rows = await trail(app, userId);
    const kinds = new Set(rows.map(({ event }) => event));
    expect([...kinds].toSorted()).toEqual(
      Object.keys(AUDIT_EVENTS)
        .filter((event) => !event.startsWith('key_') && event !== 'database_restored' && !OF_LINKS.includes(event))
        .toSorted(),
    );
    const count = (event: string): number => rows.filter((row) => row.event === event).length;
    expect([count('session_started'), count('session_displaced'), count('user_registered')]).toEqual([106, 2, 1]);
    expect(rows.find(({ event }) => event === 'session_ended')).toMatchObject({ session_id: sessionId });
    expect(rows.find(({ event }) => event === 'sessions_ended')?.details).toEqual({ endedSessions: 1 });
    expect(rows.find(({ event }) => event === 'password_changed')?.details).toEqual({ endedSessions: 99 });
    expect(securityLines(app, userId).map((line) => [line['event'], line['sessionId'] ?? null])).toEqual(
      rows.map(({ event, session_id: session }) => [event, session]),
    );
  });

  it('records actor, event, client address and request id (LOG-02)', async () => {
    const app = await startApp();
    const requestId = randomUUID();
    const userAgent = `"agent"} {"event":"forged"} \u00ff${'x'.repeat(300)}`;
    const headers = { 'user-agent': userAgent, 'x-request-id': requestId };
    const json = { email: email(), password: PASSWORD };
    const { body } = await app.call('POST', '/v1/auth/register', { json });
    const { body: tokens } = await app.call('POST', '/v1/auth/login', { json, headers });
    const { sid } = claimsOf(String(tokens['access_token']));
    const [registered, started] = await trail(app, String(body['id']));
    expect(registered).toMatchObject({
      event: 'user_registered',
      actor: 'user',
      request_id: expect.stringMatching(UUID),
    });
    expect(started).toMatchObject({
      event: 'session_started',
      actor: 'user',
      session_id: sid,
      address: '127.0.0.1',
      user_agent: userAgent.slice(0, 256),
      request_id: requestId,
    });
    const [, line] = securityLines(app, String(body['id']));
    expect(line).toMatchObject({ event: 'session_started', ip: '127.0.0.1', reqId: requestId, sessionId: sid });
    expect(line?.['time']).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    expect(app.log().map((each) => each['event'])).not.toContain('forged');
  });

  it('names the application for what its modules change, and the user and client on whose request (LOG-02)', async () => {
    const app = await startApp();
    const { userId } = await app.signIn();
    const users = service(app, Users);
    const by = { userId: randomUUID(), client: { address: '192.0.2.7', userAgent: 'agent', requestId: randomUUID() } };
    await users.grant(userId, 'editor', by);
    await users.ungrant(userId, 'editor');
    await users.setAppData(userId, { plan: 'pro' }, { userId: by.userId });
    await users.setAppData(userId, { plan: 'pro' });
    await users.disable(userId, { client: by.client });
    await service(app, UserRolesService).grantRole(userId, 'editor');
    const client = { address: '192.0.2.7', user_agent: 'agent', request_id: by.client.requestId };
    const none = { address: null, user_agent: null, request_id: null };
    const actorId = by.userId;
    expect((await trail(app, userId)).slice(-5)).toMatchObject([
      { event: 'role_granted', actor: 'application', ...client, details: { role: 'editor', actorId } },
      { event: 'role_ungranted', actor: 'application', ...none, details: { role: 'editor' } },
      { event: 'app_data_changed', actor: 'application', ...none, details: { actorId } },
      { event: 'user_disabled', actor: 'application', ...client, details: { endedSessions: 1 } },
      { event: 'role_granted', actor: 'operator', ...none, details: { role: 'editor' } },
    ]);
    expect(securityLines(app, userId).at(-5)).toMatchObject({
      event: 'role_granted',
      actor: 'application',
      actorId,
      ip: '192.0.2.7',
      reqId: by.client.requestId,
      role: 'editor',
    });
  });

  it('records operator actions and key events', async () => {
    const app = await startApp();
    const keys = service(app, KeyAdministrationService);
    const [active] = await keys.listSigningKeys();
    await keys.revokeSigningKey(String(active?.kid));
    await app.query(`UPDATE signing_keys SET created_at = created_at - interval '1 day'`);
    await keys.rotateSigningKey();
    const rows = await trail(app, null);
    expect(rows.map(({ event, actor }) => [event, actor])).toEqual([
      ['key_revoked', 'operator'],
      ['key_rotated', 'operator'],
    ]);
    expect(rows[0]).toMatchObject({ details: { kid: active?.kid }, address: null, request_id: null });
    expect(securityLines(app, undefined).map((line) => line['event'])).toEqual(['key_revoked', 'key_rotated']);
  });

  it('is written in the transaction of the change that it records', async () => {
    const app = await startApp();
    const known = await app.signIn();
    const other = await app.signInAs(known.email);
    const state = () =>
      app.query(
        `SELECT (SELECT count(*) FROM users), (SELECT string_agg(password_hash, '') FROM users),
                (SELECT count(*) FROM sessions WHERE ended_at IS NULL), (SELECT count(*) FROM revocations),
                (SELECT count(*) FROM users WHERE disabled_at IS NULL) AS enabled,
                (SELECT string_agg(kid, '' ORDER BY kid) FROM signing_keys WHERE retired_at IS NULL) AS keys`,
      );
    await app.query(`ALTER TABLE audit_events ADD CONSTRAINT none CHECK (false) NOT VALID`);
    const before = await state();
    const { token } = known;
    const json = { currentPassword: PASSWORD, newPassword: OTHER_PASSWORD };
    const accounts = service(app, UserAdministrationService);
    const keys = service(app, KeyAdministrationService);
    const [active] = await keys.listSigningKeys();
    const answers = [
      await app.register(email()),
      await app.login(known.email),
      await app.logout(token),
      await app.logout(token, 'others'),
      await app.logout(token, 'global'),
      await app.call('DELETE', `/v1/auth/sessions/${other.sessionId}`, { token }),
      await app.call('POST', '/v1/users/me/password', { token, json }),
      await app.call('POST', '/v1/users/me/deletion', { token, json: { currentPassword: PASSWORD } }),
    ];
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 500));
    await expect(accounts.disableUser(known.email)).rejects.toThrow();
    await expect(accounts.deleteUser(known.email)).rejects.toThrow();
    await expect(keys.revokeSigningKey(String(active?.kid))).rejects.toThrow();
    expect(await state()).toEqual(before);
    expect((await app.me(token)).status).toBe(200);
    const after = app.log().filter((line) => line['msg'] === 'security');
    expect(after.map((line) => line['event'])).toEqual(['user_registered', 'session_started', 'session_started']);
  });

  it('cannot be changed, nor deleted within a day', async () => {
    const app = await startApp();
    const { userId } = await app.signIn();
    for (const change of ["UPDATE audit_events SET event = 'x'", 'DELETE FROM audit_events', 'TRUNCATE audit_events']) {
      await expect(app.query(change)).rejects.toThrow('append-only');
    }
    expect(await trail(app, userId)).toHaveLength(2);
  });

  it('is kept for AUDIT_RETENTION_DAYS, also after the user is deleted', async () => {
    const app = await startApp({ changes: { auditRetentionDays: 30 } });
    const userId = randomUUID();
    await app.query(
      `INSERT INTO audit_events (occurred_at, event, actor, user_id)
       SELECT now() - make_interval(days => CASE WHEN n <= 2500 THEN 31 ELSE 29 END), 'user_registered', 'user', $1
       FROM generate_series(1, 2600) n`,
      [userId],
    );
    await service(app, AuditPurgeJob).purgeEvents();
    expect(await trail(app, userId)).toHaveLength(100);
  });

  it('is printed by npm run events, oldest first, for everybody or for one user in any letter case (SES-07)', async () => {
    const databaseUrl = await createDatabase();
    const app = await startApp({ databaseUrl });
    const one = await app.signIn();
    await app.signIn();
    const print = async (...user: string[]): Promise<Record<string, unknown>[]> => {
      const env = { ...process.env, DATABASE_URL: databaseUrl, MASTER_SECRET };
      const { stdout } = await promisify(execFile)(process.execPath, ['dist/cli/gatehouse.js', 'events', ...user], {
        env,
      });
      return stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as Record<string, unknown>);
    };
    expect(await print()).toHaveLength(4);
    await app.query(`
      INSERT INTO audit_events (event, actor) SELECT 'key_rotated', 'system' FROM generate_series(1, 1200)`);
    const ids = (await print()).map(({ id }) => Number(id));
    expect(ids).toEqual(Array.from({ length: 1204 }, (_, index) => index + 1));
    expect((await print(one.email)).map(({ event }) => event)).toEqual(['user_registered', 'session_started']);
    for (const user of [one.userId, one.userId.toUpperCase(), one.email.toUpperCase()])
      expect(await print(user)).toEqual(await print(one.email));
    await expect(print('nobody')).rejects.toMatchObject({
      stderr:
        "usage: npm run events [-- ADDRESS | USER_ID] ('nobody' is neither an email address nor a user id, a UUID)\n",
    });
  });
});

describe('a refused login', () => {
  it.each([
    ['with an unknown address', 'unknown_address'],
    ['with a wrong password', 'wrong_password'],
    ['of a disabled user', 'user_disabled'],
  ])('%s is logged with its reason and leaves no audit row (LOG-02)', async (_case, reason) => {
    const app = await startApp();
    const known = await app.signIn();
    if (reason === 'user_disabled') await service(app, UserAdministrationService).disableUser(known.email);
    const before = (await trail(app, known.userId)).length;
    const address = reason === 'unknown_address' ? email() : known.email;
    const { body } = await app.login(address, reason === 'user_disabled' ? PASSWORD : OTHER_PASSWORD);
    const userId = reason === 'unknown_address' ? undefined : known.userId;
    const lines = app.log().filter((line) => line['event'] === 'credentials_invalid');
    const reqId = String(body['instance']).slice('urn:uuid:'.length);
    expect(lines).toEqual([expect.objectContaining({ reason, reqId, ip: '127.0.0.1', msg: 'security' })]);
    expect(lines[0]?.['userId']).toBe(userId);
    expect(await trail(app, known.userId)).toHaveLength(before);
  });
});

describe('the request id', () => {
  it('is the X-Request-Id header in lower case if that is a UUID, else a new UUID', async () => {
    const app = await startApp();
    const instance = async (id: string): Promise<unknown> =>
      (await app.call('GET', '/v1/auth/me', { headers: { 'x-request-id': id } })).body['instance'];
    const id = randomUUID();
    expect(await instance(id)).toBe(`urn:uuid:${id}`);
    expect(await instance(id.toUpperCase())).toBe(`urn:uuid:${id}`);
    for (const other of [`${id}, ${id}`, `${id}x`, '', '1', `{"event":"forged"}`, 'x'.repeat(4000)]) {
      expect(await instance(other)).toMatch(/^urn:uuid:[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$/);
      expect(await instance(other)).not.toBe(`urn:uuid:${id}`);
    }
  });
});
