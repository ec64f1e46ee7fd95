import { describe, expect, it } from 'vitest';
import type { Notice } from '../../src/config/notices.js';
import { PASSWORD, type TestApp } from '../support/app.js';
import type { SignedIn } from '../support/client.js';
import { MailboxApp } from '../support/mailbox.js';
import { addVerifiedUser } from '../support/verified-user.js';

const NEW_PASSWORD = 'a new and quite long passphrase';
const FIREFOX = 'Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:145.0) Gecko/20100101 Firefox/145.0';

const changePassword = (app: TestApp, token: string, current: string, next: string) =>
  app.call('POST', '/v1/users/me/password', { token, json: { currentPassword: current, newPassword: next } });

async function reuse(app: TestApp, { refreshToken }: SignedIn): Promise<void> {
  let token = refreshToken;
  for (let turn = 0; turn < 2; turn++) token = String((await app.refresh(token)).body['refresh_token']);
  expect((await app.refresh(refreshToken)).body['code']).toBe('refresh_token_reused');
}

const CAUSES: Readonly<
  Record<Exclude<Notice, 'unknown_device' | 'address_changed'>, (app: TestApp, user: SignedIn) => Promise<unknown>>
> = {
  password_changed: (app, { token }) => changePassword(app, token, PASSWORD, NEW_PASSWORD),
  account_deleted: (app, { token }) =>
    app.call('POST', '/v1/users/me/deletion', { token, json: { currentPassword: PASSWORD } }),
  refresh_token_reused: reuse,
};
const SUBJECTS: Readonly<Record<keyof typeof CAUSES, string>> = {
  password_changed: 'Your password for Gatehouse was changed',
  account_deleted: 'Your account with Gatehouse was deleted',
  refresh_token_reused: 'A device was logged out of Gatehouse',
};
const NAMES = Object.keys(CAUSES) as (keyof typeof CAUSES)[];

async function verified({ app }: MailboxApp): Promise<SignedIn> {
  return app.signInAs(await addVerifiedUser(app));
}

const subjectsTo = async (mailbox: MailboxApp, email: string): Promise<string[]> =>
  (await mailbox.lettersTo(email)).map(({ subject }) => subject);

describe('a notice', () => {
  it.each(NAMES)('of %s goes to a verified address (REC-05)', async (notice) => {
    const mailbox = await MailboxApp.start();
    const user = await verified(mailbox);
    await CAUSES[notice](mailbox.app, user);
    expect(await subjectsTo(mailbox, user.email)).toEqual([SUBJECTS[notice]]);
  });

  it.each(NAMES)(
    'of %s does not go to an address that is not verified, nor when it is switched off',
    async (notice) => {
      const mailbox = await MailboxApp.start();
      const user = await mailbox.app.signIn();
      await CAUSES[notice](mailbox.app, user);
      expect(await subjectsTo(mailbox, user.email)).not.toContain(SUBJECTS[notice]);
      const off = await MailboxApp.start({ changes: { mailNotices: [] } });
      const other = await verified(off);
      await CAUSES[notice](off.app, other);
      expect(await subjectsTo(off, other.email)).toEqual([]);
    },
  );

  it('is written in the language of the request', async () => {
    const mailbox = await MailboxApp.start();
    const user = await verified(mailbox);
    await mailbox.app.call('POST', '/v1/users/me/password', {
      token: user.token,
      json: { currentPassword: PASSWORD, newPassword: NEW_PASSWORD },
      headers: { 'accept-language': 'fr, de-AT;q=0.8' },
    });
    expect(await subjectsTo(mailbox, user.email)).toEqual(['Ihr Passwort bei Gatehouse wurde geändert']);
  });

  it('is not repeated within ten minutes, for the same user and kind', async () => {
    const mailbox = await MailboxApp.start();
    const [user, other] = [await verified(mailbox), await verified(mailbox)];
    await changePassword(mailbox.app, user.token, PASSWORD, NEW_PASSWORD);
    await changePassword(mailbox.app, user.token, NEW_PASSWORD, PASSWORD);
    await changePassword(mailbox.app, other.token, PASSWORD, NEW_PASSWORD);
    expect(await subjectsTo(mailbox, user.email)).toHaveLength(1);
    expect(await subjectsTo(mailbox, other.email)).toHaveLength(1);
    await mailbox.app.query(`UPDATE mails SET created_at = created_at - interval '11 minutes'`);
    await changePassword(mailbox.app, user.token, PASSWORD, `${NEW_PASSWORD} again`);
    expect(await subjectsTo(mailbox, user.email)).toHaveLength(2);
  });

  it('of a login from an unknown device names it in our words, and never of the first one', async () => {
    const changes = { mailNotices: ['unknown_device'], trustedProxies: ['127.0.0.1'], rateLimits: 'on' } as const;
    const mailbox = await MailboxApp.start({ changes });
    const { app } = mailbox;
    const user = await verified(mailbox);
    const logInFrom = (address: string, json: object = {}, userAgent = FIREFOX) =>
      app.call('POST', '/v1/auth/login', {
        json: { email: user.email, password: PASSWORD, ...json },
        headers: { 'x-forwarded-for': address, 'user-agent': userAgent },
      });
    // The first was from the address of this machine.
    expect(await subjectsTo(mailbox, user.email)).toEqual([]);
    const { body } = await logInFrom('10.1.2.3');
    await expect.poll(async () => (await app.query('SELECT FROM mails')).length).toBe(1);
    const { subject, text } = await mailbox.newestLetter(user.email);
    expect(subject).toBe('A new device has logged in to Gatehouse');
    expect(text).toContain('from Firefox on Windows, which');
    await app.query(`UPDATE mails SET created_at = created_at - interval '11 minutes'`);
    // The same network, and a known device elsewhere.
    await logInFrom('10.1.2.4');
    await logInFrom('10.9.9.9', { deviceToken: body['deviceToken'] });
    await logInFrom('10.8.8.8', {}, 'visit https://evil.example now');
    await expect.poll(async () => (await app.query('SELECT FROM mails')).length).toBe(2);
    const last = await mailbox.newestLetter(user.email);
    expect(last.text).toContain('from an unknown device');
    expect(last.text).not.toContain('evil');
    expect(await mailbox.lettersTo(user.email)).toHaveLength(2);
  });
});
