import { Controller, Get, Module } from '@nestjs/common';
import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { EmailVerified } from '../../src/access/route-access.decorators.js';
import { PASSWORD, startApp, type Answer } from '../support/app.js';
import { claimsOf } from '../support/client.js';
import { MailboxApp } from '../support/mailbox.js';

const OTHER_PASSWORD = 'the passphrase of somebody else';
const VERIFIED = { changes: { registration: 'verified' } } as const;

const newEmail = (): string => `${randomUUID()}@example.com`;
const codeOf = ({ status, body }: Answer): unknown => body['code'] ?? status;
const confirm = ({ app }: MailboxApp, json: object, token?: string): Promise<Answer> =>
  app.call('POST', '/v1/auth/email-verification/confirm', { json, ...(token !== undefined && { token }) });
const ask = ({ app }: MailboxApp, email: string): Promise<Answer> =>
  app.call('POST', '/v1/auth/email-verification', { json: { email } });
const forgetMails = ({ app }: MailboxApp): Promise<unknown> =>
  app.query(`UPDATE mails SET created_at = created_at - interval '3 minutes'`);

const shown = ({ status, body, headers }: Answer): unknown => [
  status,
  body,
  [...headers.keys()].filter((name) => name !== 'x-request-id').toSorted(),
];

@Controller('v1/tests')
class VerifiedController {
  @Get('verified')
  @EmailVerified()
  verified(): object {
    return { open: true };
  }
}
@Module({ controllers: [VerifiedController] })
class VerifiedModule {}

describe('an address', () => {
  it('is verified by the link of the mail that follows the registration, together with the password', async () => {
    const mailbox = await MailboxApp.start({ features: [VerifiedModule] });
    const { app } = mailbox;
    const email = newEmail();
    const registered = await app.register(email);
    expect([registered.status, registered.body['emailVerified']]).toEqual([201, false]);
    const { token } = await mailbox.newestLetter(email);
    const { token: access, refreshToken } = await app.signInAs(email);
    expect(claimsOf(access)).not.toHaveProperty('email_verified');
    const unverified = await app.call('GET', '/v1/tests/verified', { token: access });
    expect([unverified.status, unverified.body['code']]).toEqual([403, 'email_unverified']);
    expect(unverified.headers.get('www-authenticate')).toContain('error="insufficient_scope"');
    expect(codeOf(await confirm(mailbox, { token, password: OTHER_PASSWORD }))).toBe('credentials_invalid');
    expect(codeOf(await confirm(mailbox, { token, password: PASSWORD }))).toBe(204);
    await expect.poll(async () => codeOf(await app.me(access))).toBe('token_stale');
    const { body } = await app.refresh(refreshToken);
    const next = String(body['access_token']);
    expect(claimsOf(next)['email_verified']).toBe(true);
    expect((await app.call('GET', '/v1/users/me', { token: next })).body['emailVerified']).toBe(true);
    expect((await app.call('GET', '/v1/tests/verified', { token: next })).body).toEqual({ open: true });
    expect(codeOf(await confirm(mailbox, { token, password: PASSWORD }))).toBe('mail_token_invalid');
  });

  it('is verified by an access token of its user in place of the password, and by no other', async () => {
    const mailbox = await MailboxApp.start();
    const { app } = mailbox;
    const [owner, other] = [await app.signIn(), await app.signIn()];
    const { token } = await mailbox.newestLetter(owner.email);
    expect(codeOf(await confirm(mailbox, { token }))).toBe('token_missing');
    expect(codeOf(await confirm(mailbox, { token }, `${owner.token}x`))).toBe('token_invalid');
    expect(codeOf(await confirm(mailbox, { token }, other.token))).toBe('mail_token_invalid');
    expect(codeOf(await confirm(mailbox, { token }, owner.token))).toBe(204);
  });

  it('is asked about again in two minutes at the earliest, and never once it is verified', async () => {
    const mailbox = await MailboxApp.start();
    const email = newEmail();
    await mailbox.app.register(email);
    const { token } = await mailbox.newestLetter(email);
    expect((await ask(mailbox, email)).status).toBe(202);
    expect(await mailbox.lettersTo(email)).toHaveLength(1);
    await forgetMails(mailbox);
    await ask(mailbox, email);
    expect((await mailbox.lettersTo(email)).map((letter) => letter.token)).toEqual([token, token]);
    await confirm(mailbox, { token, password: PASSWORD });
    await forgetMails(mailbox);
    await ask(mailbox, email);
    expect(await mailbox.lettersTo(email)).toHaveLength(2);
  });

  it('has passwords guessed for its link only so often (BRU-06)', async () => {
    const mailbox = await MailboxApp.start({ changes: { rateLimits: 'on' } });
    const email = newEmail();
    await mailbox.app.register(email);
    const { token } = await mailbox.newestLetter(email);
    const answers: unknown[] = [];
    for (let turn = 0; turn < 11; turn++)
      answers.push(codeOf(await confirm(mailbox, { token, password: OTHER_PASSWORD })));
    expect(answers).toEqual([...Array(10).fill('credentials_invalid'), 'too_many_attempts']);
  });

  it('of a disabled user is not verified', async () => {
    const mailbox = await MailboxApp.start();
    const email = newEmail();
    await mailbox.app.register(email);
    const { token } = await mailbox.newestLetter(email);
    await mailbox.app.query('UPDATE users SET disabled_at = now()');
    expect(codeOf(await confirm(mailbox, { token, password: PASSWORD }))).toBe('mail_token_invalid');
  });
});

describe('REGISTRATION=verified', () => {
  it('makes a user of mailbox and password together, and runs onRegistered then', async () => {
    const registered: string[] = [];
    const onRegistered = (_tx: unknown, user: { readonly email: string }): void => void registered.push(user.email);
    const mailbox = await MailboxApp.start({ ...VERIFIED, onRegistered });
    const { app } = mailbox;
    const email = newEmail();
    const json = { email, password: PASSWORD, profile: { name: 'Ada' } };
    const { status, body } = await app.call('POST', '/v1/auth/register', { json });
    expect([status, body]).toEqual([202, {}]);
    expect(await app.query('SELECT FROM users')).toEqual([]);
    expect(codeOf(await app.login(email))).toBe('credentials_invalid');
    const { token, link } = await mailbox.newestLetter(email);
    expect(link).toContain('/account/verify-email?lang=en#token=');
    expect(codeOf(await confirm(mailbox, { token, password: OTHER_PASSWORD }))).toBe('credentials_invalid');
    expect(registered).toEqual([]);
    expect(codeOf(await confirm(mailbox, { token, password: PASSWORD }))).toBe(204);
    expect(registered).toEqual([email]);
    const { token: access } = await app.signInAs(email);
    const { body: user } = await app.call('GET', '/v1/users/me', { token: access });
    expect(user).toMatchObject({ email, emailVerified: true, profile: { name: 'Ada' } });
    expect(codeOf(await confirm(mailbox, { token, password: PASSWORD }))).toBe('mail_token_invalid');
  });

  it('gives nothing to who registers a foreign address, whichever links its owner opens (REC-07, REC-08)', async () => {
    const mailbox = await MailboxApp.start(VERIFIED);
    const { app } = mailbox;
    const email = newEmail();
    await app.register(email, OTHER_PASSWORD);
    const { token: ofIntruder } = await mailbox.newestLetter(email);
    await app.query(`UPDATE mails SET created_at = created_at - interval '1 minute'`);
    await app.register(email, PASSWORD);
    const { token: ofOwner } = await mailbox.newestLetter(email);
    expect(codeOf(await confirm(mailbox, { token: ofIntruder, password: PASSWORD }))).toBe('credentials_invalid');
    expect(codeOf(await confirm(mailbox, { token: ofOwner, password: OTHER_PASSWORD }))).toBe('credentials_invalid');
    expect(codeOf(await confirm(mailbox, { token: ofOwner, password: PASSWORD }))).toBe(204);
    expect(codeOf(await confirm(mailbox, { token: ofIntruder, password: OTHER_PASSWORD }))).toBe('mail_token_invalid');
    expect(codeOf(await app.login(email, OTHER_PASSWORD))).toBe('credentials_invalid');
    expect((await app.login(email, PASSWORD)).status).toBe(200);
  });

  it('makes one user, whichever of several confirmations at once wins', async () => {
    const mailbox = await MailboxApp.start(VERIFIED);
    const email = newEmail();
    await mailbox.app.register(email);
    const { token } = await mailbox.newestLetter(email);
    const answers = await Promise.all(Array.from({ length: 8 }, () => confirm(mailbox, { token, password: PASSWORD })));
    expect(answers.filter(({ status }) => status === 204)).toHaveLength(1);
    expect(new Set(answers.map(codeOf))).toEqual(new Set([204, 'mail_token_invalid']));
    expect(await mailbox.app.query('SELECT FROM users')).toHaveLength(1);
  });

  it('answers the same for a taken address, whose owner is told once a day (ENU-03)', async () => {
    const mailbox = await MailboxApp.start(VERIFIED);
    const { app } = mailbox;
    const email = newEmail();
    await app.register(email);
    await confirm(mailbox, { token: (await mailbox.newestLetter(email)).token, password: PASSWORD });
    expect(shown(await app.register(email))).toEqual(shown(await app.register(newEmail())));
    await app.register(email);
    const subjects = (await mailbox.lettersTo(email)).map(({ subject }) => subject);
    expect(subjects).toEqual(['Confirm your address for Gatehouse', 'You have an account with Gatehouse']);
    expect(await app.query('SELECT FROM users')).toHaveLength(1);
    expect(await app.query(`SELECT FROM one_time_tokens WHERE email = $1 AND used_at IS NULL`, [email])).toEqual([]);
  });

  it('keeps the newest three registrations of an address', async () => {
    const mailbox = await MailboxApp.start(VERIFIED);
    const email = newEmail();
    const tokens: string[] = [];
    for (let turn = 0; turn < 4; turn++) {
      await mailbox.app.register(email, `${PASSWORD} ${turn}`);
      tokens.push((await mailbox.newestLetter(email)).token);
      await mailbox.app.query(`UPDATE mails SET created_at = created_at - interval '2 seconds'`);
    }
    expect(new Set(tokens).size).toBe(4);
    const [first = '', second = ''] = tokens;
    expect(codeOf(await confirm(mailbox, { token: first, password: `${PASSWORD} 0` }))).toBe('mail_token_invalid');
    expect(codeOf(await confirm(mailbox, { token: second, password: `${PASSWORD} 1` }))).toBe(204);
  });

  it('mails the link of the newest registration again to who asks for it', async () => {
    const mailbox = await MailboxApp.start(VERIFIED);
    const email = newEmail();
    await mailbox.app.register(email);
    const { token } = await mailbox.newestLetter(email);
    await forgetMails(mailbox);
    await ask(mailbox, email);
    expect((await mailbox.lettersTo(email)).map((letter) => letter.token)).toEqual([token, token]);
  });

  it('undoes the confirmation that onRegistered refuses', async () => {
    let isRefused = true;
    const onRegistered = (): void => {
      if (isRefused) throw new Error('not now');
    };
    const mailbox = await MailboxApp.start({ ...VERIFIED, onRegistered });
    const email = newEmail();
    await mailbox.app.register(email);
    const { token } = await mailbox.newestLetter(email);
    expect((await confirm(mailbox, { token, password: PASSWORD })).status).toBe(500);
    expect(await mailbox.app.query('SELECT FROM users')).toEqual([]);
    isRefused = false;
    expect((await confirm(mailbox, { token, password: PASSWORD })).status).toBe(204);
  });
});

it('REGISTRATION=closed lets nobody register', async () => {
  const app = await startApp({ changes: { registration: 'closed' } });
  const { status, body } = await app.register(newEmail());
  expect([status, body['code']]).toEqual([403, 'registration_closed']);
  expect(await app.query('SELECT FROM users')).toEqual([]);
});
