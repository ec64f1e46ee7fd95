import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { AccountAdministrationService } from '../../src/account/account-administration.service.js';
import { InvitationsService } from '../../src/account/invitations.service.js';
import { UsersService } from '../../src/users/users.service.js';
import { PASSWORD, startApp, type Answer, type TestApp } from '../support/app.js';
import { MailboxApp } from '../support/mailbox.js';
import { addVerifiedUser } from '../support/verified-user.js';

const newEmail = (): string => `${randomUUID()}@example.com`;
const codeOf = ({ status, body }: Answer): unknown => body['code'] ?? status;
const invite = (app: TestApp, email: string): Promise<string | undefined> =>
  app.nest.get(InvitationsService, { strict: false }).inviteUser(email);
const accept = (app: TestApp, json: object): Promise<Answer> =>
  app.call('POST', '/v1/auth/invitation/accept', { json });

describe('an invited user', () => {
  it('chooses the first password, is verified, and runs onRegistered then; before that a login is 401', async () => {
    const registered: object[] = [];
    const onRegistered = (_tx: unknown, user: object): void => void registered.push(user);
    const mailbox = await MailboxApp.start({ changes: { registration: 'closed' }, onRegistered });
    const { app } = mailbox;
    const email = newEmail();
    expect(await invite(app, email)).toBeUndefined();
    expect(codeOf(await app.login(email))).toBe('credentials_invalid');
    expect(codeOf(await app.login(email, '*'))).toBe('credentials_invalid');
    const { subject, link, token } = await mailbox.newestLetter(email);
    expect([subject, link]).toEqual([
      'Your account with Gatehouse',
      expect.stringContaining('/account/accept-invitation?'),
    ]);
    expect(codeOf(await accept(app, { token, password: 'short' }))).toBe('password_too_short');
    expect(registered).toEqual([]);
    expect(codeOf(await accept(app, { token, password: PASSWORD, profile: { name: 'Ada' } }))).toBe(204);
    expect(registered).toEqual([expect.objectContaining({ email, profile: { name: 'Ada' } })]);
    const { token: access } = await app.signInAs(email);
    const { body } = await app.call('GET', '/v1/users/me', { token: access });
    expect(body).toMatchObject({ email, emailVerified: true, profile: { name: 'Ada' } });
    expect(codeOf(await accept(app, { token, password: PASSWORD }))).toBe('mail_token_invalid');
    await expect(invite(app, email)).rejects.toMatchObject({ kind: { code: 'email_taken' } });
  });

  it('is invited again, which ends the earlier link', async () => {
    const mailbox = await MailboxApp.start();
    const email = newEmail();
    await invite(mailbox.app, email);
    const { token } = await mailbox.newestLetter(email);
    await invite(mailbox.app, email.toUpperCase());
    const { token: second } = await mailbox.newestLetter(email.toUpperCase());
    expect(codeOf(await accept(mailbox.app, { token, password: PASSWORD }))).toBe('mail_token_invalid');
    expect(codeOf(await accept(mailbox.app, { token: second, password: PASSWORD }))).toBe(204);
  });

  it('who asks for a new password gets the invitation again', async () => {
    const mailbox = await MailboxApp.start();
    const email = newEmail();
    await invite(mailbox.app, email);
    const { token } = await mailbox.newestLetter(email);
    await mailbox.app.query(`UPDATE mails SET created_at = created_at - interval '3 minutes'`);
    await mailbox.app.call('POST', '/v1/auth/password-reset', { json: { email } });
    expect((await mailbox.lettersTo(email)).map((letter) => letter.token)).toEqual([token, token]);
  });

  it('is not made where onRegistered refuses: the link stays', async () => {
    let isRefused = true;
    const onRegistered = (): void => {
      if (isRefused) throw new Error('not now');
    };
    const mailbox = await MailboxApp.start({ onRegistered });
    const email = newEmail();
    await invite(mailbox.app, email);
    const { token } = await mailbox.newestLetter(email);
    expect((await accept(mailbox.app, { token, password: PASSWORD })).status).toBe(500);
    expect(codeOf(await mailbox.app.login(email))).toBe('credentials_invalid');
    isRefused = false;
    expect(codeOf(await accept(mailbox.app, { token, password: PASSWORD }))).toBe(204);
  });
});

describe('an operator', () => {
  it('hands out links where there is no mail', async () => {
    const app = await startApp();
    const email = newEmail();
    const link = (await invite(app, email)) ?? '';
    const token = link.slice(link.indexOf('#token=') + 7);
    expect(codeOf(await accept(app, { token, password: PASSWORD }))).toBe(204);
    const reset = (await app.nest.get(AccountAdministrationService, { strict: false }).resetPassword(email)) ?? '';
    expect(reset).toMatch(/^http:\/\/127\.0\.0\.1:3000\/account\/reset-password\?lang=en#token=[\w-]{52}$/);
    const json = { token: reset.slice(reset.indexOf('#token=') + 7), newPassword: 'a new and quite long passphrase' };
    expect(codeOf(await app.call('POST', '/v1/auth/password-reset/confirm', { json }))).toBe(204);
    expect(await app.query('SELECT FROM mails')).toEqual([]);
  });

  it('sees who has no password yet, and who has none any more', async () => {
    const app = await startApp();
    const [invited, undone, disabled] = [newEmail(), await addVerifiedUser(app), await addVerifiedUser(app)];
    await invite(app, invited);
    await app.query(`UPDATE users SET password_hash = '*' WHERE email = $1`, [undone]);
    await app.query('UPDATE users SET disabled_at = now() WHERE email = $1', [disabled]);
    const enabled = await addVerifiedUser(app);
    const states = new Map<string, string>();
    const users = app.nest.get(UsersService, { strict: false });
    for await (const { id, email, state } of users.listUsers()) {
      states.set(email, state);
      expect(await users.getLoginState(id)).toBe(state);
    }
    expect([invited, undone, disabled, enabled].map((email) => states.get(email))).toEqual([
      'invited',
      'no-password',
      'disabled',
      'enabled',
    ]);
  });

  it('marks an address as verified', async () => {
    const app = await startApp();
    const { email, token } = await app.signIn();
    await app.nest.get(AccountAdministrationService, { strict: false }).verifyEmail(email);
    await expect.poll(async () => codeOf(await app.me(token))).toBe('token_stale');
    const { token: next } = await app.signInAs(email);
    expect((await app.call('GET', '/v1/users/me', { token: next })).body['emailVerified']).toBe(true);
  });
});
