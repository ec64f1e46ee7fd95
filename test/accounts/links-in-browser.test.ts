import { randomUUID } from 'node:crypto';
import type { Browser, Page } from 'playwright-core';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { PAGE_TEXTS } from '../../src/account-pages/render-page.js';
import { InvitationsService } from '../../src/account/invitations.service.js';
import type { Language } from '../../src/config/languages.js';
import { PASSWORD, afterAllTests } from '../support/app.js';
import { hasBrowser, startBrowser } from '../support/browser.js';
import { MailboxApp, type Letter } from '../support/mailbox.js';
import { addVerifiedUser } from '../support/verified-user.js';

const NEW_PASSWORD = 'a new and quite long passphrase';

const onEnd = afterAllTests();
let mailbox: MailboxApp;
let browser: Browser;

/** A link of a mail, opened in a browser, at the port of the test. */
async function openLink({ link }: Letter, { app }: MailboxApp = mailbox, language?: Language): Promise<Page> {
  const page = await browser.newPage({ locale: 'en-US' });
  onTestFinished(() => page.close());
  const { pathname, search, hash } = new URL(link);
  await page.goto(`${app.url}${pathname}${language === undefined ? search : `?lang=${language}`}${hash}`);
  return page;
}

/** The next answer is lost after the service has sent it. */
async function loseNextAnswer(page: Page): Promise<void> {
  await page.route(
    '**/v1/auth/**',
    async (route) => {
      const answer = await route.fetch();
      expect(answer.status()).toBe(204);
      await route.abort('connectionreset');
    },
    { times: 1 },
  );
}

/** Presses the button below a message. */
async function pressAgain(page: Page): Promise<string> {
  await page.locator('button').click();
  await page.locator('#request').waitFor({ state: 'hidden' });
  return (await page.locator('#message').textContent()) ?? '';
}

/** Fills in the password, if one is asked for, presses the button, and waits for what is said then. */
async function press(page: Page, password?: string): Promise<string> {
  if (password !== undefined) await page.fill('#password', password);
  await page.locator('button').click();
  await page.locator('#message:not(:empty)').waitFor();
  return (await page.locator('#message').textContent()) ?? '';
}

const say = (text: string): string => text.replaceAll('{{service}}', 'Gatehouse');

const newEmail = (): string => `${randomUUID()}@example.com`;

describe.skipIf(!hasBrowser())('the links of mail, opened in a browser', () => {
  beforeAll(async () => {
    mailbox = await MailboxApp.start({}, onEnd);
    browser = await startBrowser();
    onEnd(() => browser.close());
  });

  it('lead back in who has forgotten the password, and use nothing up before the press (REC-10)', async () => {
    const { app } = mailbox;
    const email = newEmail();
    await app.register(email);
    await app.call('POST', '/v1/auth/password-reset', { json: { email } });
    const letter = await mailbox.newestLetter(email);
    // As a scanner that runs scripts does it.
    await openLink(letter);
    const page = await openLink(letter);
    expect(await press(page, 'short')).toContain('too short');
    expect(await press(page, NEW_PASSWORD)).toContain('Log in with the new password');
    expect((await app.login(email, NEW_PASSWORD)).status).toBe(200);
    expect(await press(await openLink(letter), NEW_PASSWORD)).toContain('not valid');
  });

  it('verify an address, with the password of the registration', async () => {
    const email = newEmail();
    await mailbox.app.register(email);
    const page = await openLink(await mailbox.newestLetter(email));
    expect(await press(page, 'not the passphrase at all')).toContain('not the right password');
    expect(await press(page, PASSWORD)).toContain('is confirmed');
    const { token } = await mailbox.app.signInAs(email);
    expect((await mailbox.app.call('GET', '/v1/users/me', { token })).body['emailVerified']).toBe(true);
  });

  it('change an address, and undo the change', async () => {
    const { app } = mailbox;
    const user = await app.signInAs(await addVerifiedUser(app));
    const to = newEmail();
    const json = { currentPassword: PASSWORD, newEmail: to };
    await app.call('POST', '/v1/users/me/email', { token: user.token, json });
    expect(await press(await openLink(await mailbox.newestLetter(to)))).toContain('has this email address now');
    expect((await app.login(to)).status).toBe(200);
    expect(await press(await openLink(await mailbox.newestLetter(user.email)))).toContain('former email address');
    expect((await app.login(to)).status).toBe(401);
    expect(await press(await openLink(await mailbox.newestLetter(user.email)), NEW_PASSWORD)).toContain('Log in');
    expect((await app.login(user.email, NEW_PASSWORD)).status).toBe(200);
  });

  it.each(['en', 'de'] as const)('set a password once, and say so when the answer is lost, in %s', async (language) => {
    const { app } = mailbox;
    const { messages, pages } = PAGE_TEXTS[language];
    const email = newEmail();
    await app.register(email);
    await app.call('POST', '/v1/auth/password-reset', { json: { email } });
    const page = await openLink(await mailbox.newestLetter(email), mailbox, language);
    await loseNextAnswer(page);
    expect(await press(page, NEW_PASSWORD)).toBe(say(messages.no_answer));
    expect(await pressAgain(page)).toBe(say(`${messages.perhaps_done} ${pages.resetPassword.perhapsDone as string}`));
    expect((await app.login(email, NEW_PASSWORD)).status).toBe(200);
  });

  it('make the user of a registration that waits, by the password of that registration', async () => {
    const changes = { registration: 'verified' } as const;
    const waiting = await MailboxApp.start({ changes });
    const email = newEmail();
    await waiting.app.call('POST', '/v1/auth/register', { json: { email, password: PASSWORD } });
    const letter = await waiting.newestLetter(email);
    const page = await openLink(letter, waiting);
    expect(await page.locator('#request p').first().textContent()).toContain('the password with which you registered');
    await loseNextAnswer(page);
    expect(await press(page, PASSWORD)).toContain('no answer');
    expect(await pressAgain(page)).toMatch(
      /may have been carried out.* Try to log in\. If you cannot, register again\.$/,
    );
    expect((await waiting.app.login(email)).status).toBe(200);
    expect(await press(await openLink(letter, waiting), PASSWORD)).toMatch(/not valid.* register again\.$/);
  });

  it('cause mail in the language of the page, and not of the browser', async () => {
    const { app } = mailbox;
    const user = await app.signInAs(await addVerifiedUser(app));
    const json = { currentPassword: PASSWORD, newEmail: newEmail() };
    await app.call('POST', '/v1/users/me/email', { token: user.token, json });
    const page = await openLink(await mailbox.newestLetter(user.email), mailbox, 'de');
    expect(await press(page)).toContain('frühere');
    const { subject, link } = await mailbox.newestLetter(user.email);
    expect([subject, new URL(link).search]).toEqual(['Neues Passwort für Gatehouse', '?lang=de']);
  });

  it('accept an invitation', async () => {
    const { app } = mailbox;
    const email = newEmail();
    await app.nest.get(InvitationsService, { strict: false }).inviteUser(email);
    expect(await press(await openLink(await mailbox.newestLetter(email)), NEW_PASSWORD)).toContain('is ready');
    expect((await app.login(email, NEW_PASSWORD)).status).toBe(200);
  });
});
