import { randomUUID } from 'node:crypto';
import type { Browser, Page } from 'playwright-core';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { InvitationsService } from '../../src/account/invitations.service.js';
import { PASSWORD, afterAllTests } from '../support/app.js';
import { hasBrowser, startBrowser } from '../support/browser.js';
import { MailboxApp, type Letter } from '../support/mailbox.js';
import { addVerifiedUser } from '../support/verified-user.js';

const NEW_PASSWORD = 'a new and quite long passphrase';

const onEnd = afterAllTests();
let mailbox: MailboxApp;
let browser: Browser;

/** A link of a mail, opened in a browser, at the port of the test. */
async function openLink({ link }: Letter): Promise<Page> {
  const page = await browser.newPage();
  onTestFinished(() => page.close());
  const { pathname, search, hash } = new URL(link);
  await page.goto(`${mailbox.app.url}${pathname}${search}${hash}`);
  return page;
}

/** Fills in the password, if one is asked for, presses the button, and waits for what is said then. */
async function press(page: Page, password?: string): Promise<string> {
  if (password !== undefined) await page.fill('#password', password);
  await page.locator('button').click();
  await page.locator('#message:not(:empty)').waitFor();
  return (await page.locator('#message').textContent()) ?? '';
}

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

  it('accept an invitation', async () => {
    const { app } = mailbox;
    const email = newEmail();
    await app.nest.get(InvitationsService, { strict: false }).inviteUser(email);
    expect(await press(await openLink(await mailbox.newestLetter(email)), NEW_PASSWORD)).toContain('is ready');
    expect((await app.login(email, NEW_PASSWORD)).status).toBe(200);
  });
});
