import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { PASSWORD, type Answer } from '../support/app.js';
import { claimsOf, type SignedIn } from '../support/client.js';
import { MailboxApp } from '../support/mailbox.js';
import { addVerifiedUser } from '../support/verified-user.js';

const NEW_PASSWORD = 'a new and quite long passphrase';
const newEmail = (): string => `${randomUUID()}@example.com`;
const codeOf = ({ status, body }: Answer): unknown => body['code'] ?? status;

const request = ({ app }: MailboxApp, token: string, newAddress: string, currentPassword = PASSWORD): Promise<Answer> =>
  app.call('POST', '/v1/users/me/email', { token, json: { currentPassword, newEmail: newAddress } });
const use = ({ app }: MailboxApp, path: string, token: string): Promise<Answer> =>
  app.call('POST', `/v1/auth/${path}`, { json: { token } });
const change = (mailbox: MailboxApp, token: string): Promise<Answer> => use(mailbox, 'email-change/confirm', token);
const undo = (mailbox: MailboxApp, token: string): Promise<Answer> => use(mailbox, 'email-change/undo', token);
const reset = ({ app }: MailboxApp, token: string, newPassword = NEW_PASSWORD): Promise<Answer> =>
  app.call('POST', '/v1/auth/password-reset/confirm', { json: { token, newPassword } });
const addressOf = async ({ app }: MailboxApp, userId: string): Promise<string | undefined> =>
  (await app.query<{ email: string }>('SELECT email FROM users WHERE id = $1', [userId]))[0]?.email;

/** A user with a verified address. */
async function verified(mailbox: MailboxApp): Promise<SignedIn> {
  return mailbox.app.signInAs(await addVerifiedUser(mailbox.app));
}

/** Changes the address of a user. @returns the token by which the owner of the old one can undo it */
async function moved(mailbox: MailboxApp, user: SignedIn, to: string): Promise<string> {
  expect(codeOf(await request(mailbox, user.token, to))).toBe(202);
  expect(codeOf(await change(mailbox, (await mailbox.newestLetter(to)).token))).toBe(204);
  return (await mailbox.newestLetter(user.email)).token;
}

describe('a change of address', () => {
  it('takes effect when the new address is confirmed; the sessions go on, and the old one is told (REC-07, SES-05)', async () => {
    const mailbox = await MailboxApp.start();
    const { app } = mailbox;
    const user = await verified(mailbox);
    const to = newEmail();
    expect(codeOf(await request(mailbox, user.token, to, 'not the passphrase at all'))).toBe('credentials_invalid');
    expect(codeOf(await request(mailbox, user.token, to))).toBe(202);
    const { token } = await mailbox.newestLetter(to);
    const { subject, token: undoToken } = await mailbox.newestLetter(user.email);
    expect(subject).toBe('Your address for Gatehouse is to be changed');
    expect(await addressOf(mailbox, user.userId)).toBe(user.email);
    expect(codeOf(await app.login(to))).toBe('credentials_invalid');
    expect(codeOf(await change(mailbox, token))).toBe(204);
    await expect.poll(async () => codeOf(await app.me(user.token))).toBe('token_stale');
    const { body } = await app.refresh(user.refreshToken);
    expect(claimsOf(String(body['access_token']))).toMatchObject({ email: to, email_verified: true });
    expect((await app.login(to)).status).toBe(200);
    const last = await mailbox.newestLetter(user.email);
    expect([last.subject, last.token]).toEqual(['Your address for Gatehouse was changed', undoToken]);
    expect(codeOf(await change(mailbox, token))).toBe('mail_token_invalid');
  });

  it('to a taken address is answered the same; its owner is told once a day, the caller nothing (ENU-03)', async () => {
    const mailbox = await MailboxApp.start();
    const [user, owner] = [await verified(mailbox), await verified(mailbox)];
    const free = await request(mailbox, user.token, newEmail());
    for (let turn = 0; turn < 2; turn++) {
      const { status, body } = await request(mailbox, user.token, owner.email.toUpperCase());
      expect([status, body]).toEqual([free.status, free.body]);
    }
    const subjects = (await mailbox.lettersTo(owner.email)).map(({ subject }) => subject);
    expect(subjects.filter((subject) => subject.startsWith('You have an account'))).toHaveLength(1);
    // The export says the same of both, too.
    const { body } = await mailbox.app.call('GET', '/v1/users/me/export', { token: user.token });
    const links = (body['links'] as Record<string, unknown>[]).filter(({ purpose }) => purpose === 'email_change');
    expect(links.map(({ usedAt }) => usedAt)).toEqual([null, null]);
    const told = (body['mails'] as Record<string, unknown>[]).map(({ template }) => template);
    expect(told).not.toContain('confirm_email_change');
  });

  it('is mailed for each account that asks, whoever has asked for the address before (REC-10)', async () => {
    const mailbox = await MailboxApp.start();
    const [stranger, owner] = [await verified(mailbox), await verified(mailbox)];
    const to = newEmail();
    await request(mailbox, stranger.token, to);
    await mailbox.deliverMail();
    await request(mailbox, owner.token, to);
    const tokens = (await mailbox.lettersTo(to)).map(({ token }) => token);
    expect(new Set(tokens).size).toBe(2);
    expect(codeOf(await change(mailbox, tokens[1] ?? ''))).toBe(204);
    expect(await addressOf(mailbox, owner.userId)).toBe(to);
  });

  it('to an address that was taken meanwhile is 409, and the link stays', async () => {
    const mailbox = await MailboxApp.start();
    const user = await verified(mailbox);
    const to = newEmail();
    await request(mailbox, user.token, to);
    const { token } = await mailbox.newestLetter(to);
    await mailbox.app.register(to);
    expect(codeOf(await change(mailbox, token))).toBe('email_taken');
    await mailbox.app.query('DELETE FROM users WHERE email = $1', [to]);
    expect(codeOf(await change(mailbox, token))).toBe(204);
  });

  it('ends links for a new password, which are about the old address, and other pending changes', async () => {
    const mailbox = await MailboxApp.start();
    const user = await verified(mailbox);
    await mailbox.app.call('POST', '/v1/auth/password-reset', { json: { email: user.email } });
    const { token: resetToken } = await mailbox.newestLetter(user.email);
    const [one, two] = [newEmail(), newEmail()];
    await request(mailbox, user.token, one);
    await request(mailbox, user.token, two);
    const tokens = [(await mailbox.newestLetter(one)).token, (await mailbox.newestLetter(two)).token];
    expect(codeOf(await change(mailbox, tokens[1] ?? ''))).toBe(204);
    expect(codeOf(await change(mailbox, tokens[0] ?? ''))).toBe('mail_token_invalid');
    expect(codeOf(await reset(mailbox, resetToken))).toBe('mail_token_invalid');
  });

  it('that waits ends with a reset and with a change of the password (REC-09)', async () => {
    const mailbox = await MailboxApp.start();
    const user = await verified(mailbox);
    const to = newEmail();
    await request(mailbox, user.token, to);
    const { token } = await mailbox.newestLetter(to);
    await mailbox.app.call('POST', '/v1/auth/password-reset', { json: { email: user.email } });
    expect(codeOf(await reset(mailbox, (await mailbox.newestLetter(user.email)).token))).toBe(204);
    expect(codeOf(await change(mailbox, token))).toBe('mail_token_invalid');
    const { token: access } = await mailbox.app.signInAs(user.email, NEW_PASSWORD);
    const next = newEmail();
    await request(mailbox, access, next, NEW_PASSWORD);
    const { token: second } = await mailbox.newestLetter(next);
    const json = { currentPassword: NEW_PASSWORD, newPassword: `${NEW_PASSWORD} again` };
    await mailbox.app.call('POST', '/v1/users/me/password', { token: access, json });
    expect(codeOf(await change(mailbox, second))).toBe('mail_token_invalid');
  });

  it('cannot be asked for by a session that has ended meanwhile (REC-09)', async () => {
    const mailbox = await MailboxApp.start();
    const user = await verified(mailbox);
    await mailbox.app.query('UPDATE sessions SET ended_at = now() WHERE id = $1', [user.sessionId]);
    expect(codeOf(await request(mailbox, user.token, newEmail()))).toBe('credentials_invalid');
  });

  it('of the case of letters alone needs the link, and mails nothing to undo', async () => {
    const mailbox = await MailboxApp.start();
    const user = await verified(mailbox);
    const to = user.email.toUpperCase();
    await request(mailbox, user.token, to);
    const { token } = await mailbox.newestLetter(to);
    expect(codeOf(await change(mailbox, token))).toBe(204);
    expect(await addressOf(mailbox, user.userId)).toBe(to);
    expect(await mailbox.app.query(`SELECT FROM one_time_tokens WHERE purpose = 'email_undo'`)).toEqual([]);
  });

  it('is limited for a user (BRU-06)', async () => {
    const mailbox = await MailboxApp.start({ changes: { rateLimits: 'on' } });
    const user = await verified(mailbox);
    const answers: unknown[] = [];
    for (let turn = 0; turn < 11; turn++) answers.push((await request(mailbox, user.token, newEmail())).status);
    expect(answers).toEqual([...Array(10).fill(202), 429]);
  });
});

describe('the owner of the old address', () => {
  it('undoes a change: back to the old address, no session, no password, and a mail for a new one (REC-09)', async () => {
    const mailbox = await MailboxApp.start();
    const { app } = mailbox;
    const user = await verified(mailbox);
    const to = newEmail();
    const undoToken = await moved(mailbox, user, to);
    const intruder = await app.signInAs(to);
    expect(codeOf(await undo(mailbox, undoToken))).toBe(204);
    expect(await addressOf(mailbox, user.userId)).toBe(user.email);
    for (const address of [to, user.email]) expect(codeOf(await app.login(address))).toBe('credentials_invalid');
    for (const { refreshToken } of [user, intruder])
      expect(codeOf(await app.refresh(refreshToken))).toBe('refresh_token_invalid');
    expect(await app.query('SELECT FROM devices')).toEqual([]);
    const { subject, token } = await mailbox.newestLetter(user.email);
    expect(subject).toBe('Set a new password for Gatehouse');
    expect(codeOf(await reset(mailbox, token))).toBe(204);
    expect((await app.login(user.email, NEW_PASSWORD)).status).toBe(200);
    expect(codeOf(await undo(mailbox, undoToken))).toBe('mail_token_invalid');
    // Nobody has the other address any more.
    expect((await app.register(to)).status).toBe(201);
  });

  it('cancels a change that is not confirmed yet, by the same link', async () => {
    const mailbox = await MailboxApp.start();
    const user = await verified(mailbox);
    const to = newEmail();
    await request(mailbox, user.token, to);
    const { token } = await mailbox.newestLetter(to);
    expect(codeOf(await undo(mailbox, (await mailbox.newestLetter(user.email)).token))).toBe(204);
    expect(codeOf(await change(mailbox, token))).toBe('mail_token_invalid');
    expect(codeOf(await mailbox.app.login(user.email))).toBe('credentials_invalid');
    expect((await mailbox.newestLetter(user.email)).subject).toBe('Set a new password for Gatehouse');
  });

  it('is the first: it undoes all later changes, and their links with them', async () => {
    const mailbox = await MailboxApp.start();
    const { app } = mailbox;
    const user = await verified(mailbox);
    const [second, third] = [newEmail(), newEmail()];
    const first = await moved(mailbox, user, second);
    const intruder = await app.signInAs(second);
    const later = await moved(mailbox, intruder, third);
    expect(codeOf(await undo(mailbox, first))).toBe(204);
    expect(await addressOf(mailbox, user.userId)).toBe(user.email);
    expect(codeOf(await undo(mailbox, later))).toBe('mail_token_invalid');
  });

  it('ends the links of later owners also where the clocks of the nodes differ (REC-09)', async () => {
    const mailbox = await MailboxApp.start();
    const { app } = mailbox;
    const user = await verified(mailbox);
    const second = newEmail();
    const first = await moved(mailbox, user, second);
    await moved(mailbox, await app.signInAs(second), newEmail());
    // As a node whose clock is behind would have made it.
    await app.query(
      `UPDATE one_time_tokens SET id = ('00000000' || substr(id::text, 9))::uuid WHERE purpose = 'email_undo' AND email = $1`,
      [second],
    );
    expect(codeOf(await undo(mailbox, first))).toBe(204);
    const live = `SELECT FROM one_time_tokens WHERE purpose = 'email_undo' AND used_at IS NULL`;
    expect(await app.query(live)).toEqual([]);
  });

  it('keeps its link through a reset of the password by the new one', async () => {
    const mailbox = await MailboxApp.start();
    const { app } = mailbox;
    const user = await verified(mailbox);
    const to = newEmail();
    const undoToken = await moved(mailbox, user, to);
    await app.call('POST', '/v1/auth/password-reset', { json: { email: to } });
    expect(codeOf(await reset(mailbox, (await mailbox.newestLetter(to)).token))).toBe(204);
    expect(codeOf(await undo(mailbox, undoToken))).toBe(204);
    expect(codeOf(await app.login(user.email, NEW_PASSWORD))).toBe('credentials_invalid');
  });

  it('has the old address reserved for so long: nobody registers it, moves to it or is invited by it', async () => {
    const mailbox = await MailboxApp.start();
    const { app } = mailbox;
    const [user, other] = [await verified(mailbox), await verified(mailbox)];
    const undoToken = await moved(mailbox, user, newEmail());
    expect(codeOf(await app.register(user.email.toUpperCase()))).toBe('email_taken');
    await request(mailbox, other.token, user.email);
    expect(codeOf(await change(mailbox, (await mailbox.newestLetter(user.email)).token))).toBe('email_taken');
    await app.query(`UPDATE one_time_tokens SET expires_at = now() WHERE purpose = 'email_undo'`);
    expect(codeOf(await undo(mailbox, undoToken))).toBe('mail_token_expired');
    expect((await app.register(user.email)).status).toBe(201);
  });

  it('wins or loses against a registration at the same moment, and nothing is half done', async () => {
    const mailbox = await MailboxApp.start();
    for (let round = 0; round < 5; round++) {
      const user = await verified(mailbox);
      const to = newEmail();
      await request(mailbox, user.token, to);
      const { token } = await mailbox.newestLetter(to);
      const registrations = Array.from({ length: 4 }, () => mailbox.app.register(user.email));
      const [confirmed, ...registered] = await Promise.all([change(mailbox, token), ...registrations]);
      expect(codeOf(confirmed)).toBe(204);
      // Before the change it is taken, and after it reserved.
      expect(registered.map(codeOf)).toEqual(Array(4).fill('email_taken'));
      expect(codeOf(await undo(mailbox, (await mailbox.newestLetter(user.email)).token))).toBe(204);
    }
  });

  it('gets no link where the address was never verified: it may be a stranger (REC-07)', async () => {
    const mailbox = await MailboxApp.start();
    const user = await mailbox.app.signIn();
    const to = newEmail();
    await mailbox.deliverMail();
    await request(mailbox, user.token, to);
    expect(codeOf(await change(mailbox, (await mailbox.newestLetter(to)).token))).toBe(204);
    const subjects = (await mailbox.lettersTo(user.email)).map(({ subject }) => subject);
    expect(subjects).toEqual(['Confirm your address for Gatehouse']);
    expect((await mailbox.app.register(user.email)).status).toBe(201);
  });

  it('is told in words alone where EMAIL_UNDO_DAYS is 0', async () => {
    const mailbox = await MailboxApp.start({ changes: { emailUndoDays: 0 } });
    const user = await verified(mailbox);
    const to = newEmail();
    await request(mailbox, user.token, to);
    await change(mailbox, (await mailbox.newestLetter(to)).token);
    const { subject, link } = await mailbox.newestLetter(user.email);
    expect([subject, link]).toEqual(['Your address for Gatehouse was changed', '']);
  });
});
