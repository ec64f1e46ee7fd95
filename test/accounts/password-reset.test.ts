import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { UserAdministrationService } from '../../src/users/user-administration.service.js';
import { PASSWORD, startApp, type Answer } from '../support/app.js';
import { claimsOf } from '../support/client.js';
import { MailboxApp } from '../support/mailbox.js';
import { MASTER_SECRET } from '../support/processes.js';

const NEW_PASSWORD = 'a new and quite long passphrase';

type Node = Pick<MailboxApp, 'app'>;

const ask = ({ app }: Node, email: string, headers = {}): Promise<Answer> =>
  app.call('POST', '/v1/auth/password-reset', { json: { email }, headers });
const reset = ({ app }: Node, token: string, newPassword = NEW_PASSWORD): Promise<Answer> =>
  app.call('POST', '/v1/auth/password-reset/confirm', { json: { token, newPassword } });
const outcomeOf = ({ status, body }: Answer): unknown => (status === 204 ? 204 : body['code']);
/** As if the last mail were sent so long ago that another one may be. */
const forgetMails = ({ app }: Node): Promise<unknown> =>
  app.query(`UPDATE mails SET created_at = created_at - interval '3 minutes'`);

/** A registered user, and the token of the link for a new password. */
async function forgotten(mailbox: MailboxApp): Promise<{ email: string; token: string }> {
  const email = `${randomUUID()}@example.com`;
  await mailbox.app.register(email);
  expect((await ask(mailbox, email)).status).toBe(202);
  return { email, token: (await mailbox.newestLetter(email)).token };
}

const shown = ({ status, body, headers }: Answer): unknown => [
  status,
  body,
  [...headers.keys()].filter((name) => name !== 'x-request-id').toSorted(),
];
const from = (address: string) => ({ 'x-forwarded-for': address });

describe('a reset of the password', () => {
  it('sets a new one, signs nobody in, ends every session and tells the owner (SES-02, REC-05)', async () => {
    const mailbox = await MailboxApp.start({ changes: { rateLimits: 'on' } });
    const { app } = mailbox;
    const { email, token: access, refreshToken } = await app.signIn();
    const device = (await app.login(email)).body['deviceToken'];
    await ask(mailbox, email);
    const { subject, link, token } = await mailbox.newestLetter(email);
    expect(subject).toBe('Set a new password for Gatehouse');
    expect(link).toMatch(/^http:\/\/127\.0\.0\.1:3000\/account\/reset-password\?lang=en#token=[\w-]{52}$/);
    const { status, body } = await reset(mailbox, token);
    expect({ status, body }).toEqual({ status: 204, body: {} });
    expect((await app.refresh(refreshToken)).body['code']).toBe('refresh_token_invalid');
    await expect.poll(async () => (await app.me(access)).body['code']).toBe('token_revoked');
    expect((await app.login(email, PASSWORD)).body['code']).toBe('credentials_invalid');
    const login = await app.login(email, NEW_PASSWORD);
    expect(login.status).toBe(200);
    expect(claimsOf(String(login.body['access_token']))).toMatchObject({ email_verified: true });
    expect(await app.query('SELECT id FROM devices')).toHaveLength(1);
    expect(device).toBeTypeOf('string');
    expect((await mailbox.newestLetter(email)).subject).toBe('Your password for Gatehouse was changed');
    const events = await app.query<{ event: string }>('SELECT event FROM audit_events ORDER BY id');
    expect(events.map(({ event }) => event)).toContain('password_reset');
  });

  it('is done once by one link, however often it is used at once (REC-01, REC-02)', async () => {
    const mailbox = await MailboxApp.start();
    const { email, token } = await forgotten(mailbox);
    const passwords = Array.from({ length: 12 }, (_, index) => `${NEW_PASSWORD} ${index}`);
    const answers = await Promise.all(passwords.map((password) => reset(mailbox, token, password)));
    const winners = passwords.filter((_, index) => answers[index]?.status === 204);
    expect(winners).toHaveLength(1);
    expect(new Set(answers.map(outcomeOf))).toEqual(new Set([204, 'mail_token_invalid']));
    expect((await mailbox.app.login(email, winners[0])).status).toBe(200);
    expect(outcomeOf(await reset(mailbox, token))).toBe('mail_token_invalid');
  });

  it('ends all links for a new password, of which each lives out beside the others (REC-10)', async () => {
    const mailbox = await MailboxApp.start();
    const { email, token } = await forgotten(mailbox);
    await forgetMails(mailbox);
    await ask(mailbox, email);
    expect((await mailbox.newestLetter(email)).token).toBe(token);
    expect(await mailbox.lettersTo(email)).toHaveLength(3);
    // In its last minutes another is made, and the old one lives out.
    await mailbox.app.query(
      `UPDATE one_time_tokens SET expires_at = now() + interval '9 minutes' WHERE purpose = 'password_reset'`,
    );
    await forgetMails(mailbox);
    await ask(mailbox, email);
    const { token: second } = await mailbox.newestLetter(email);
    expect(second).not.toBe(token);
    expect(outcomeOf(await reset(mailbox, token))).toBe(204);
    expect(outcomeOf(await reset(mailbox, second))).toBe('mail_token_invalid');
  });

  it('mails a link at most twice, in two minutes at the earliest, and answers the same beyond (ENU-03)', async () => {
    const mailbox = await MailboxApp.start();
    const { email } = await forgotten(mailbox);
    expect((await ask(mailbox, email)).status).toBe(202);
    const links = async (): Promise<number> =>
      (await mailbox.lettersTo(email)).filter(({ subject }) => subject.startsWith('Set a new')).length;
    expect(await links()).toBe(1);
    for (let asked = 2; asked <= 4; asked++) {
      await forgetMails(mailbox);
      expect((await ask(mailbox, email)).status).toBe(202);
      expect(await links()).toBe(2);
    }
    // A stranger cannot use up the mails of the owner: the next link is mailed.
    await mailbox.app.query(`UPDATE one_time_tokens SET expires_at = now() + interval '9 minutes'`);
    await forgetMails(mailbox);
    await ask(mailbox, email);
    expect(await links()).toBe(3);
  });

  it('does not begin to count again when the account is deleted and registered again', async () => {
    const mailbox = await MailboxApp.start();
    const { app } = mailbox;
    const { email, token } = await app.signIn();
    expect(await mailbox.lettersTo(email)).toHaveLength(1);
    const json = { currentPassword: PASSWORD };
    expect((await app.call('POST', '/v1/users/me/deletion', { token, json })).status).toBe(204);
    await app.register(email);
    expect(await mailbox.lettersTo(email)).toHaveLength(1);
  });

  it('goes to the stored address, whatever the case of the typed one (REC-04)', async () => {
    const mailbox = await MailboxApp.start();
    const stored = `Ada-${randomUUID()}@example.com`;
    await mailbox.app.register(stored);
    await ask(mailbox, stored.toUpperCase());
    expect((await mailbox.newestLetter(stored)).subject).toContain('new password');
    expect(mailbox.server.received.map(({ recipients }) => recipients)).toEqual([[stored], [stored]]);
  });

  it('leads where the settings say, whatever the request says (REC-03)', async () => {
    const changes = { passwordResetUrl: 'https://app.example.com/new-password#token={token}' } as const;
    const mailbox = await MailboxApp.start({ changes });
    const email = `${randomUUID()}@example.com`;
    await mailbox.app.register(email);
    const headers = {
      'x-forwarded-host': 'evil.example',
      forwarded: 'host=evil.example',
      origin: 'https://evil.example',
    };
    await ask(mailbox, email, headers);
    const { link, text } = await mailbox.newestLetter(email);
    expect(link).toMatch(/^https:\/\/app\.example\.com\/new-password#token=[\w-]{52}$/);
    expect(text).not.toContain('evil');
  });

  it('is refused for a disabled user, whose requests are answered like any other (ENU-01)', async () => {
    const mailbox = await MailboxApp.start();
    const { email, token } = await forgotten(mailbox);
    await mailbox.app.query('UPDATE users SET disabled_at = now()');
    expect(outcomeOf(await reset(mailbox, token))).toBe('mail_token_invalid');
    await forgetMails(mailbox);
    const before = (await mailbox.lettersTo(email)).length;
    expect((await ask(mailbox, email)).status).toBe(202);
    expect(await mailbox.lettersTo(email)).toHaveLength(before);
  });

  it('is over when the user was disabled meanwhile, also when the user is enabled again (SES-03)', async () => {
    const mailbox = await MailboxApp.start();
    const { email, token } = await forgotten(mailbox);
    const accounts = mailbox.app.nest.get(UserAdministrationService, { strict: false });
    await accounts.disableUser(email);
    await accounts.enableUser(email);
    expect(outcomeOf(await reset(mailbox, token))).toBe('mail_token_invalid');
  });

  it('holds to the policy of passwords, and leaves the link as it is (PWD-03)', async () => {
    const mailbox = await MailboxApp.start();
    const { email, token } = await forgotten(mailbox);
    expect(outcomeOf(await reset(mailbox, token, 'fourteen chars'))).toBe('password_too_short');
    expect(outcomeOf(await reset(mailbox, token, email))).toBe('password_contextual');
    expect(outcomeOf(await reset(mailbox, token))).toBe(204);
  });

  it('is over after half an hour, and after a change of the password (SES-02)', async () => {
    const mailbox = await MailboxApp.start();
    const { app } = mailbox;
    const { email, token } = await forgotten(mailbox);
    const [row] = await app.query<{ seconds: number }>(
      `SELECT extract(epoch FROM expires_at - created_at)::int AS seconds FROM one_time_tokens WHERE purpose = 'password_reset'`,
    );
    expect(row?.seconds).toBe(1800);
    await app.query(`UPDATE one_time_tokens SET expires_at = now()`);
    expect(outcomeOf(await reset(mailbox, token))).toBe('mail_token_expired');
    await forgetMails(mailbox);
    await ask(mailbox, email);
    const { token: second } = await mailbox.newestLetter(email);
    const { token: access } = await app.signInAs(email);
    const change = { currentPassword: PASSWORD, newPassword: `${NEW_PASSWORD} again` };
    expect((await app.call('POST', '/v1/users/me/password', { token: access, json: change })).status).toBe(204);
    expect(outcomeOf(await reset(mailbox, second))).toBe('mail_token_invalid');
  });

  it.each([
    ['a text of the right length', 'A'.repeat(52)],
    ['any text', 'token'],
    ['a refresh token', 'refresh'],
    ['an access token', 'access'],
    ['the token of another purpose', 'verification'],
  ])('is refused by %s (TOK-06, REC-01)', async (_case, given) => {
    const mailbox = await MailboxApp.start();
    const { email, token: access, refreshToken } = await mailbox.app.signIn();
    const { token: verification } = await mailbox.newestLetter(email);
    const texts: Record<string, string> = { refresh: refreshToken, access: access.slice(0, 256), verification };
    expect(outcomeOf(await reset(mailbox, texts[given] ?? given))).toBe('mail_token_invalid');
  });

  it('opens nothing else by its token (TOK-06)', async () => {
    const mailbox = await MailboxApp.start();
    const { app } = mailbox;
    const { token } = await forgotten(mailbox);
    expect((await app.me(token)).body['code']).toBe('token_invalid');
    expect((await app.refresh(token)).body['code']).toBe('refresh_token_invalid');
    const bodies = {
      'email-verification/confirm': { password: PASSWORD },
      'email-change/confirm': {},
      'email-change/undo': {},
      'invitation/accept': { password: NEW_PASSWORD },
    };
    for (const [path, body] of Object.entries(bodies)) {
      const { body: problem } = await app.call('POST', `/v1/auth/${path}`, { json: { token, ...body } });
      expect(problem['code']).toBe('mail_token_invalid');
    }
  });

  it('survives a change of MASTER_SECRET with both values, and not without the old one', async () => {
    const mailbox = await MailboxApp.start();
    const { token, email } = await forgotten(mailbox);
    const { databaseUrl } = mailbox.app;
    const added = 'another master secret of at least 32 bytes';
    const changes = { masterSecret: [added], jwtSecret: ['pQ7wE2rT9yU4iO1pA6sD3fG8hJ5kL0zX'] };
    const without = await startApp({ databaseUrl, changes });
    expect(outcomeOf(await reset({ app: without }, token))).toBe('mail_token_invalid');
    await mailbox.app.nest.close();
    const both = await MailboxApp.start({ databaseUrl, changes: { masterSecret: [added, MASTER_SECRET] } });
    await forgetMails(mailbox);
    await ask(both, email);
    const { token: rewritten } = await both.newestLetter(email);
    expect(rewritten).not.toBe(token);
    expect(outcomeOf(await reset(both, token))).toBe(204);
    expect(outcomeOf(await reset(both, rewritten))).toBe('mail_token_invalid');
    expect((await both.app.login(email, NEW_PASSWORD)).status).toBe(200);
  });
});

describe('a request for a new password', () => {
  it('is answered the same for an address that nobody has, writes the same, and mails nothing (ENU-03)', async () => {
    const mailbox = await MailboxApp.start();
    const { app } = mailbox;
    const email = `${randomUUID()}@example.com`;
    await app.register(email);
    await mailbox.deliverMail();
    const known = await ask(mailbox, email);
    const unknown = await ask(mailbox, `x${email}`);
    expect(shown(unknown)).toEqual(shown(known));
    await mailbox.deliverMail();
    expect(mailbox.server.received.some(({ recipients }) => recipients.includes(`x${email}`))).toBe(false);
    expect(await app.query('SELECT FROM mail_requests')).toEqual([]);
  });

  it('is limited by address, network and IP address alike for all (BRU-06, ENU-04)', async () => {
    const mailbox = await MailboxApp.start({ changes: { rateLimits: 'on', trustedProxies: ['127.0.0.1'] } });
    const email = `${randomUUID()}@example.com`;
    await mailbox.app.register(email);
    for (const asked of [email, `${randomUUID()}@example.com`]) {
      const answers: number[] = [];
      for (let turn = 0; turn < 12; turn++) answers.push((await ask(mailbox, asked, from(`10.1.${turn}.1`))).status);
      expect(answers).toEqual([...Array(10).fill(202), 429, 429]);
    }
    const answers: number[] = [];
    for (let turn = 0; turn < 31; turn++)
      answers.push((await ask(mailbox, `${randomUUID()}@example.com`, from('10.2.0.1'))).status);
    expect(answers).toEqual([...Array(30).fill(202), 429]);
  });
});

it('without mail nobody can ask for any, and links still work', async () => {
  const app = await startApp();
  const { token } = await app.signIn();
  for (const path of ['/v1/auth/password-reset', '/v1/auth/email-verification', '/v1/users/me/email']) {
    expect((await app.call('POST', path, { token, json: { email: 'ada@example.com' } })).status).toBe(404);
  }
  const { body } = await app.call('GET', '/openapi.json');
  expect(Object.keys(body['paths'] as object).filter((path) => path.includes('password-reset'))).toEqual([
    '/v1/auth/password-reset/confirm',
  ]);
  const confirm = { token: 'none', newPassword: NEW_PASSWORD };
  const answer = await app.call('POST', '/v1/auth/password-reset/confirm', { json: confirm });
  expect(answer.body['code']).toBe('mail_token_invalid');
  expect(await app.query('SELECT FROM mail_requests')).toEqual([]);
});
