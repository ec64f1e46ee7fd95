import axe from 'axe-core';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Browser, BrowserContextOptions, Page, Request, Route } from 'playwright-core';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { fillIn, PAGE_TEXTS } from '../../src/account-pages/render-page.js';
import type { MessageName } from '../../src/account-pages/page-texts.js';
import { ACCOUNT_PAGES, type AccountPage } from '../../src/config/account-pages.js';
import { STRICT_TRANSPORT_SECURITY } from '../../src/http/response-headers.js';
import type { Language } from '../../src/config/languages.js';
import { afterAllTests, createDatabase, startApp, type TestApp } from '../support/app.js';
import { hasBrowser, startBrowser } from '../support/browser.js';
import { IS_EXHAUSTIVE } from '../support/exhaustive.js';
import { registerSecret } from '../support/secret-detection.js';

const TOKEN = 'mt1-9vQd3TzL0yXn5RkW8sBfJ2hGcPuE7aMo';
const OTHER_TOKEN = 'mt1-Zq4WmN8cYtR2vLxK6sHdB0pJfGuE5aTi';
const PASSWORD = 'correct horse battery staple';
const NAME = 'Notes & Söhne';
const APP_URL = 'https://app.example.com/start';
const MIN_LENGTH = 12;
const SETTINGS = { serviceName: NAME, appUrl: APP_URL, passwordMinLength: MIN_LENGTH };

const PAGES = Object.entries(ACCOUNT_PAGES) as [AccountPage, string][];
const LANGUAGES: readonly Language[] = ['en', 'de'];

/** What the button of each page sends, beside the token. */
const SENT: Readonly<Record<AccountPage, readonly [path: string, member?: string]>> = {
  verifyEmail: ['/v1/auth/email-verification/confirm', 'password'],
  resetPassword: ['/v1/auth/password-reset/confirm', 'newPassword'],
  confirmEmailChange: ['/v1/auth/email-change/confirm'],
  undoEmailChange: ['/v1/auth/email-change/undo'],
  acceptInvitation: ['/v1/auth/invitation/accept', 'password'],
};
/** For long tests: in English a page with a password, in German one without, and with `npm run test:faults` all in both. The script is the same on all. */
function somePages(language: Language): typeof PAGES {
  const some: AccountPage = language === 'en' ? 'resetPassword' : 'undoEmailChange';
  return PAGES.filter(([page]) => IS_EXHAUSTIVE || page === some);
}

/** Each page in one of the languages, and with `npm run test:faults` all in both. */
function pagesOnce(language: Language): typeof PAGES {
  return PAGES.filter((_, index) => IS_EXHAUSTIVE || LANGUAGES[index % LANGUAGES.length] === language);
}

const WITH_PASSWORD = PAGES.filter(([page]) => SENT[page][1] !== undefined);

interface PlayedAnswer {
  readonly status: number;
  readonly code?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** In place of a problem. */
  readonly body?: string;
}

const DONE: PlayedAnswer = { status: 204 };

/** Each refusal, the message for it, and the words in which the English one tells it from all others. */
const REFUSALS: readonly (readonly [PlayedAnswer, MessageName, words: string])[] = [
  [{ status: 400, code: 'mail_token_invalid' }, 'mail_token_invalid', 'is not valid'],
  [{ status: 400, code: 'mail_token_expired' }, 'mail_token_expired', 'has expired'],
  [{ status: 409, code: 'email_taken' }, 'email_taken', 'belongs to another account'],
  [{ status: 401, code: 'credentials_invalid' }, 'credentials_invalid', 'not the right password'],
  [{ status: 422, code: 'password_too_short' }, 'password_too_short', 'at least 12 characters'],
  [{ status: 422, code: 'password_too_long' }, 'password_too_long', 'at most 256 characters'],
  [{ status: 422, code: 'password_common' }, 'password_common', 'guessed first'],
  [{ status: 422, code: 'password_contextual' }, 'password_contextual', 'made of your email address'],
  [{ status: 429, code: 'too_many_attempts' }, 'too_many_attempts', 'Try again later'],
  [
    { status: 429, code: 'too_many_attempts', headers: { 'retry-after': '90' } },
    'too_many_attempts',
    'Try again in 2 minutes',
  ],
  [
    { status: 503, code: 'service_unavailable', headers: { 'retry-after': '1' } },
    'service_unavailable',
    'Try again in 1 second.',
  ],
  [{ status: 502, body: '<html>Bad Gateway' }, 'service_unavailable', 'cannot answer at the moment'],
  [{ status: 500, code: 'internal_error' }, 'other', 'Something went wrong'],
  [{ status: 429, body: '<html>Slow down' }, 'too_many_attempts', 'Try again later'],
  [{ status: 500, body: 'null' }, 'other', 'Something went wrong'],
  [{ status: 400, body: '{"code":"validation_failed","errors":{}}' }, 'other', 'Something went wrong'],
  [{ status: 404, body: '' }, 'other', 'Something went wrong'],
  [{ status: 200, body: '<html>Log in to this network' }, 'other', 'Something went wrong'],
];

/** First attempts that may have been carried out, and what is said of them. */
const LOST: readonly (readonly ['cut off' | PlayedAnswer, MessageName])[] = [
  ['cut off', 'no_answer'],
  [{ status: 500, code: 'internal_error' }, 'other'],
  [{ status: 503, code: 'service_unavailable', headers: { 'retry-after': '1' } }, 'service_unavailable'],
  [{ status: 502, body: '<html>Bad Gateway' }, 'service_unavailable'],
  [{ status: 200, body: '<html>Log in to this network' }, 'other'],
];
const FINAL: ReadonlySet<MessageName> = new Set(['mail_token_invalid', 'mail_token_expired', 'email_taken']);
const WAITS: Readonly<Record<Language, Readonly<Record<string, string>>>> = {
  en: { '': 'later', '1': 'in 1 second', '90': 'in 2 minutes' },
  de: { '': 'später', '1': 'in 1 Sekunde', '90': 'in 2 Minuten' },
};

const onEnd = afterAllTests();
let app: TestApp;

beforeAll(async () => {
  registerSecret(TOKEN);
  registerSecret(OTHER_TOKEN);
  registerSecret(PASSWORD);
  app = await startApp({ changes: SETTINGS, databaseUrl: await createDatabase(onEnd) }, onEnd);
});

async function get(path: string, method = 'GET'): Promise<Response> {
  return fetch(`${app.url}${path}`, { method });
}

describe('an account page over HTTP', () => {
  it.each(PAGES)(
    'is HTML that loads nothing from elsewhere, cannot be framed and is not stored: %s',
    async (_, path) => {
      const answer = await get(path);
      expect(answer.status).toBe(200);
      expect(Object.fromEntries(answer.headers)).toMatchObject({
        'content-type': 'text/html; charset=utf-8',
        'content-security-policy':
          "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        'referrer-policy': 'no-referrer',
        'x-content-type-options': 'nosniff',
        'cache-control': 'no-store',
      });
      const text = await answer.text();
      expect(text).toMatch(/^<!doctype html>\n<html lang="en">/);
      expect(text).not.toMatch(/ on\w+=| style=|<style/);
    },
  );

  it.each(PAGES)('has HEAD beside GET, and no other method: %s', async (_, path) => {
    const [full, head, post] = [await get(path), await get(path, 'HEAD'), await get(path, 'POST')];
    const ofHead = Object.fromEntries(head.headers);
    for (const name of ['content-type', 'content-security-policy', 'cache-control']) {
      expect(ofHead[name]).toBe(full.headers.get(name));
    }
    expect([head.status, await head.text()]).toEqual([200, '']);
    expect([post.status, post.headers.get('allow')]).toEqual([405, 'GET, HEAD']);
  });

  it.each([
    ['', 'en'],
    ['?lang=en', 'en'],
    ['?lang=de', 'de'],
    ['?lang=DE', 'en'],
    ['?lang=fr', 'en'],
    ['?lang=', 'en'],
    ['?lang=__proto__', 'en'],
    ['?utm_source=mail&lang=de&x', 'de'],
    ['?lang=de&lang=en', 'de'],
    ['?%', 'en'],
  ])('with the query %j is in the language %s', async (query, language) => {
    const text = await (await get(`${ACCOUNT_PAGES.verifyEmail}${query}`)).text();
    expect(text).toContain(`<html lang="${language}">`);
  });

  it('is in DEFAULT_LANGUAGE where the link names none, and says no link back without APP_URL', async () => {
    const german = await startApp({ changes: { defaultLanguage: 'de', issuer: 'https://accounts.example.com' } });
    const answers = ['', '?lang=fr', '?lang=en'].map((query) => fetch(`${german.url}/account/reset-password${query}`));
    const texts = await Promise.all(answers.map(async (answer) => (await answer).text()));
    expect(texts.map((text) => /lang="(\w+)"/.exec(text)?.[1])).toEqual(['de', 'de', 'en']);
    expect(texts.join('')).not.toContain('<a ');
    expect((await answers[0])?.headers.get('strict-transport-security')).toBe(STRICT_TRANSPORT_SECURITY);
  });

  it('is not in the OpenAPI document, and nothing else is below /account/', async () => {
    const { body } = await app.call('GET', '/openapi.json');
    expect(JSON.stringify(body)).not.toContain('/account/');
    for (const path of ['/account/', '/account/other', '/account/assets/', '/account/assets/account-page.browser.js']) {
      expect([path, (await get(path)).status]).toEqual([path, 404]);
    }
  });

  it('has a script and a style sheet, which browsers take for nothing else', async () => {
    const [script, style] = [
      await get('/account/assets/account-page.js'),
      await get('/account/assets/account-page.css'),
    ];
    expect([script.status, script.headers.get('content-type')]).toEqual([200, 'text/javascript; charset=utf-8']);
    expect([style.status, style.headers.get('content-type')]).toEqual([200, 'text/css; charset=utf-8']);
    for (const { headers } of [script, style]) expect(headers.get('x-content-type-options')).toBe('nosniff');
  });
});

let browser: Browser;

/** An open page, and everything that the browser has asked for. */
interface Opened {
  readonly page: Page;
  readonly requests: readonly Request[];
  /** Errors of the page's script and violations of its policy. */
  readonly complaints: readonly string[];
}

interface Link extends BrowserContextOptions {
  readonly page: AccountPage;
  readonly language?: Language;
  /** Null for none. */
  readonly token?: string | null;
  readonly base?: string;
  readonly answer?: PlayedAnswer | ((route: Route) => Promise<void>);
}

/** Opens the link of a mail; requests to the API get the given answer. */
async function open({
  page,
  language = 'en',
  token = TOKEN,
  base = app.url,
  answer,
  ...options
}: Link): Promise<Opened> {
  const context = await browser.newContext(options);
  onTestFinished(() => context.close());
  const opened = await context.newPage();
  const [requests, complaints]: [Request[], string[]] = [[], []];
  context.on('request', (request) => void requests.push(request));
  opened.on('pageerror', ({ message }) => void complaints.push(message));
  opened.on('console', (line) => {
    // Chromium writes a line for each answer from 400 up.
    if (line.type() === 'error' && !line.text().startsWith('Failed to load resource')) complaints.push(line.text());
  });
  if (answer !== undefined) {
    await context.route('**/v1/auth/**', typeof answer === 'function' ? answer : (route) => play(route, answer));
  }
  const fragment = token === null ? '' : `#token=${token}`;
  await opened.goto(`${base}${ACCOUNT_PAGES[page]}?lang=${language}${fragment}`);
  return { page: opened, requests, complaints };
}

function play(route: Route, { status, code, headers = {}, body }: PlayedAnswer): Promise<void> {
  const problem = code === undefined ? {} : { body: JSON.stringify({ type: 'about:blank', status, code }) };
  const contentType = body === undefined ? 'application/problem+json' : 'text/html';
  return route.fulfill({ status, headers, contentType, ...problem, ...(body !== undefined && { body }) });
}

const textOf = (text: string, wait = ''): string => fillIn(text, SETTINGS).replace('{{wait}}', wait);

const messageOf = (page: Page): Promise<string | null> => page.locator('#message').textContent();

/** What the page is to say for a refusal. */
function expectedMessage(name: MessageName, page: AccountPage, language: Language, wait = ''): string {
  const texts = PAGE_TEXTS[language];
  const { newLink, perhapsDone } = texts.pages[page];
  const next: Partial<Record<MessageName, string | { readonly open: string }>> = {
    mail_token_invalid: newLink,
    mail_token_expired: newLink,
    perhaps_done: perhapsDone,
  };
  const advice = next[name] ?? '';
  return textOf(`${texts.messages[name]} ${typeof advice === 'string' ? advice : advice.open}`.trimEnd(), wait);
}

/** Opens another link in the same tab. */
async function follow(page: Page, token: string): Promise<void> {
  await page.goto(`${page.url()}#token=${token}`);
  await page.locator('#message:empty').waitFor({ state: 'attached' });
  await expect.poll(() => page.url()).not.toContain('#');
}

async function press(page: Page): Promise<void> {
  await page.locator('button').click();
  await page.locator('#message:not(:empty)').waitFor();
}

/** Presses the button below a message, and waits for the next one. */
async function pressAgain(page: Page): Promise<void> {
  const answered = page.waitForResponse('**/v1/auth/**');
  await page.locator('button').click();
  await answered;
  await page.locator('button:enabled').waitFor();
  await page.locator('#message:not(:empty)').waitFor();
}

async function fillAndPress(page: Page, password = PASSWORD): Promise<void> {
  if ((await page.locator('#password').count()) === 1) await page.fill('#password', password);
  await press(page);
}

const focused = (page: Page): Promise<string> =>
  page.evaluate<string>('document.activeElement.id || document.activeElement.tagName');

const posts = ({ requests }: Opened): Request[] => requests.filter((request) => request.method() !== 'GET');

describe.skipIf(!hasBrowser())('an account page in a browser', () => {
  beforeAll(async () => {
    browser = await startBrowser();
    onEnd(() => browser.close());
  });

  describe.each(LANGUAGES)('in %s', (language) => {
    it.each(PAGES)('sends token and input once, and says what is now so: %s', async (name, path) => {
      const opened = await open({ page: name, language, answer: DONE });
      const { page, complaints } = opened;
      expect(await page.title()).toBe(textOf(`${PAGE_TEXTS[language].pages[name].title} · {{service}}`));
      await fillAndPress(page);
      expect(await messageOf(page)).toBe(textOf(PAGE_TEXTS[language].pages[name].done));
      const [endpoint, member] = SENT[name];
      const [sent, ...more] = posts(opened);
      expect(more).toEqual([]);
      expect([sent?.method(), sent?.url()]).toEqual(['POST', `${app.url}${endpoint}`]);
      expect(sent?.postDataJSON()).toEqual({ token: TOKEN, ...(member !== undefined && { [member]: PASSWORD }) });
      expect(await sent?.headerValue('content-type')).toBe('application/json');
      expect(await sent?.headerValue('accept-language')).toBe(language);
      expect(await sent?.headerValue('referer')).toBeNull();
      expect(await page.locator('#request').isVisible()).toBe(false);
      expect(await focused(page)).toBe('message');
      const back = page.locator('#back a');
      expect([await back.isVisible(), await back.textContent(), await back.getAttribute('href')]).toEqual([
        true,
        textOf(PAGE_TEXTS[language].back),
        APP_URL,
      ]);
      expect(new URL(page.url()).pathname).toBe(path);
      expect(complaints).toEqual([]);
    });

    it.each(somePages(language))(
      'says after an attempt without a result that it may have been carried out: %s',
      async (name) => {
        let played: 'cut off' | PlayedAnswer = DONE;
        const answer = (route: Route): Promise<void> =>
          played === 'cut off' ? route.abort('connectionreset') : play(route, played);
        const { page, complaints } = await open({ page: name, language, answer });
        for (const [index, [first, message]] of LOST.entries()) {
          const token = `${TOKEN}-${index}`;
          await follow(page, token);
          played = first;
          await fillAndPress(page);
          const wait = WAITS[language][first === 'cut off' ? '' : (first.headers?.['retry-after'] ?? '')];
          expect([first, await messageOf(page)]).toEqual([first, expectedMessage(message, name, language, wait)]);
          played = { status: 429, code: 'too_many_attempts' };
          await pressAgain(page);
          played = { status: 400, code: 'mail_token_invalid' };
          // The same link, opened once more in this tab.
          await follow(page, token);
          await fillAndPress(page);
          const expected = expectedMessage('perhaps_done', name, language);
          expect([first, await messageOf(page)]).toEqual([first, expected]);
          expect(await page.locator('button').isVisible()).toBe(false);
        }
        expect([await page.locator('#back').isVisible(), await focused(page)]).toEqual([true, 'message']);
        // Another link has nothing to do with those attempts.
        await follow(page, OTHER_TOKEN);
        await fillAndPress(page);
        expect(await messageOf(page)).toBe(expectedMessage('mail_token_invalid', name, language));
        expect(complaints).toEqual([]);
      },
    );

    it.each(somePages(language))(
      'says after a reload what was said last, if nothing is left to do: %s',
      async (name) => {
        let played: PlayedAnswer = DONE;
        const opened = await open({ page: name, language, answer: (route) => play(route, played) });
        const { page } = opened;
        const answers: readonly PlayedAnswer[] = [
          DONE,
          { status: 400, code: 'mail_token_invalid' },
          { status: 400, code: 'mail_token_expired' },
          { status: 409, code: 'email_taken' },
        ];
        for (const each of answers) {
          played = each;
          await follow(page, TOKEN);
          await fillAndPress(page);
          const said = await messageOf(page);
          await page.reload();
          expect([await messageOf(page), await page.locator('button').isVisible()]).toEqual([said, false]);
          expect(await page.getAttribute('#message', 'class')).toBe(each === DONE ? 'done' : 'problem');
          expect(await page.locator('#back').isVisible()).toBe(true);
        }
        expect(posts(opened)).toHaveLength(answers.length);
        await follow(page, TOKEN);
        await page.reload();
        expect(await messageOf(page)).toBe(expectedMessage('link_missing', name, language));
      },
    );

    it.each(somePages(language))(
      'says each refusal in its own words, and stays usable where that helps: %s',
      async (name) => {
        let played: PlayedAnswer = DONE;
        const { page, complaints } = await open({ page: name, language, answer: (route) => play(route, played) });
        for (const [answer, message] of REFUSALS) {
          played = answer;
          await follow(page, OTHER_TOKEN);
          expect(await page.locator('#back').isVisible()).toBe(false);
          await fillAndPress(page);
          const wait = WAITS[language][answer.headers?.['retry-after'] ?? ''];
          expect([answer, await messageOf(page)]).toEqual([answer, expectedMessage(message, name, language, wait)]);
          expect(await focused(page)).toBe('message');
          const isFinal = FINAL.has(message);
          expect([answer, await page.locator('button').isVisible()]).toEqual([answer, !isFinal]);
          expect(await page.locator('#back').isVisible()).toBe(isFinal);
          if (!isFinal) expect(await page.locator('button').isEnabled()).toBe(true);
          if (!isFinal && SENT[name][1] !== undefined) expect(await page.inputValue('#password')).toBe(PASSWORD);
        }
        expect(complaints).toEqual([]);
      },
    );

    it.each(pagesOnce(language))(
      'without a token, or after a reload before the press, says to open the link again: %s',
      async (name) => {
        const expected = expectedMessage('link_missing', name, language);
        const opened = await open({ page: name, language, token: null });
        const { page } = opened;
        expect([await messageOf(page), await page.locator('button').isVisible()]).toEqual([expected, false]);
        await follow(page, TOKEN);
        expect(await page.locator('button').isVisible()).toBe(true);
        await page.reload();
        expect([await messageOf(page), await page.locator('button').isVisible()]).toEqual([expected, false]);
        expect(posts(opened)).toEqual([]);
      },
    );
  });

  it.each(PAGES)('says that there was no answer, and sends again when pressed again: %s', async (name) => {
    let attempts = 0;
    const opened = await open({
      page: name,
      answer: (route) => (++attempts === 1 ? route.abort('connectionrefused') : play(route, DONE)),
    });
    await fillAndPress(opened.page);
    expect(await messageOf(opened.page)).toBe(expectedMessage('no_answer', name, 'en'));
    await opened.page.locator('button').click();
    await opened.page.locator('#message.done').waitFor();
    expect(posts(opened).map((request) => request.postDataJSON() as object)).toEqual([
      expect.objectContaining({ token: TOKEN }),
      expect.objectContaining({ token: TOKEN }),
    ]);
  });

  it('tells each refusal from others by its words', async () => {
    let played: PlayedAnswer = DONE;
    const { page } = await open({ page: 'resetPassword', answer: (route) => play(route, played) });
    for (const [answer, , words] of REFUSALS) {
      played = answer;
      await follow(page, OTHER_TOKEN);
      await fillAndPress(page);
      expect(await messageOf(page)).toContain(words);
    }
  });

  it.each(WITH_PASSWORD)('tells a password that the schema refuses from a token that it refuses: %s', async (name) => {
    const [, member = ''] = SENT[name];
    let body = '';
    const { page } = await open({ page: name, answer: (route) => play(route, { status: 400, body }) });
    for (const [pointer, words] of [
      [`/${member}`, 'This password is too long.'],
      ['/token', 'This link is not valid.'],
      ['/other', 'Something went wrong.'],
    ]) {
      body = JSON.stringify({ code: 'validation_failed', errors: [{ pointer, detail: 'x' }] });
      await follow(page, OTHER_TOKEN);
      await fillAndPress(page);
      expect(await messageOf(page)).toContain(words);
    }
  });

  it.each(WITH_PASSWORD)('sends no empty password: %s', async (name) => {
    const opened = await open({ page: name, answer: DONE });
    await press(opened.page);
    expect(await messageOf(opened.page)).toBe('Enter a password.');
    expect(await opened.page.getAttribute('#password', 'aria-invalid')).toBe('true');
    expect(posts(opened)).toEqual([]);
    await fillAndPress(opened.page);
    expect(await opened.page.getAttribute('#password', 'aria-invalid')).toBeNull();
    expect(posts(opened)).toHaveLength(1);
  });

  it('labels the password so that password managers know it, and shows it on demand', async () => {
    const kinds = await Promise.all(
      WITH_PASSWORD.map(async ([name]) => {
        const { page } = await open({ page: name });
        return page.getAttribute('#password', 'autocomplete');
      }),
    );
    expect(kinds).toEqual(['current-password', 'new-password', 'new-password']);
    const { page } = await open({ page: 'resetPassword', answer: { status: 401, code: 'credentials_invalid' } });
    const field = page.getByLabel('New password');
    await field.fill(PASSWORD);
    expect(await field.getAttribute('type')).toBe('password');
    await page.getByLabel('Show password').check();
    expect([await field.getAttribute('type'), await field.inputValue()]).toEqual(['text', PASSWORD]);
    await page.getByLabel('Show password').uncheck();
    expect([await field.getAttribute('type'), await field.inputValue()]).toEqual(['password', PASSWORD]);
    expect(await page.locator('#password-rule').textContent()).toContain('At least 12 characters.');
  });

  it.each(PAGES)('sends nothing before the button is pressed, and the token nowhere else: %s', async (name, path) => {
    const opened = await open({ page: name });
    const { page, requests, complaints } = opened;
    await page.waitForLoadState('networkidle');
    const asked = requests.map((request) => `${request.method()} ${request.url().replace(app.url, '')}`);
    const expected = [
      `GET ${path}?lang=en`,
      'GET /account/assets/account-page.css',
      'GET /account/assets/account-page.js',
    ];
    expect(asked.toSorted()).toEqual(expected.toSorted());
    expect(page.url()).toBe(`${app.url}${path}?lang=en`);
    const history = await page.evaluate('navigation.entries().map(({ url }) => url)');
    expect(JSON.stringify(history)).not.toContain(TOKEN);
    expect(await page.content()).not.toContain(TOKEN);
    // Without a played answer this is the service's own.
    await fillAndPress(page);
    expect(posts(opened)).toHaveLength(1);
    const everything = await page.evaluate(
      `JSON.stringify([document.documentElement.outerHTML, document.title, name, { ...localStorage }, { ...sessionStorage }, document.cookie, history.state])`,
    );
    expect(everything).not.toContain(TOKEN);
    expect(JSON.stringify(app.log())).not.toContain(TOKEN);
    expect(app.log().some(({ route, status }) => route === path && status === 200)).toBe(true);
    expect(requests.map((request) => request.url()).join(' ')).not.toContain(TOKEN);
    expect(complaints).toEqual([]);
  });

  it('takes another link in the same tab, also while it waits for an answer', async () => {
    const held: (() => Promise<void>)[] = [];
    const opened = await open({
      page: 'resetPassword',
      answer: async (route) => void held.push(() => play(route, { status: 400, code: 'mail_token_expired' })),
    });
    const { page } = opened;
    await page.fill('#password', PASSWORD);
    await page.locator('button').click();
    await expect.poll(() => held.length).toBe(1);
    await follow(page, OTHER_TOKEN);
    expect([await page.locator('button').isEnabled(), await page.inputValue('#password')]).toEqual([true, '']);
    const answered = page.waitForResponse('**/v1/auth/**');
    await held[0]?.();
    await answered;
    await page.fill('#password', PASSWORD);
    expect(await messageOf(page)).toBe('');
    await page.locator('button').click();
    await expect.poll(() => held.length).toBe(2);
    await held[1]?.();
    await page.locator('#message.problem').waitFor();
    expect(await page.locator('button').isVisible()).toBe(false);
    await follow(page, TOKEN);
    await page.locator('button').waitFor();
    expect(await messageOf(page)).toBe('');
    expect(posts(opened).map((request) => (request.postDataJSON() as { token: string }).token)).toEqual([
      TOKEN,
      OTHER_TOKEN,
    ]);
    const history = await page.evaluate('JSON.stringify(navigation.entries().map(({ url }) => url))');
    expect(history).not.toMatch(new RegExp(`${TOKEN}|${OTHER_TOKEN}`));
  });

  it('shows that it waits, and sends once however often the button is pressed', async () => {
    const held: (() => Promise<void>)[] = [];
    const opened = await open({
      page: 'resetPassword',
      answer: async (route) => void held.push(() => play(route, DONE)),
    });
    const { page } = opened;
    await page.fill('#password', PASSWORD);
    await page.press('#password', 'Enter');
    await page.press('#password', 'Enter');
    await page.evaluate('document.forms[0].requestSubmit()');
    const button = page.locator('button');
    expect([await button.isDisabled(), await button.textContent()]).toEqual([true, 'One moment …']);
    expect(await page.getAttribute('form', 'aria-busy')).toBe('true');
    await expect.poll(() => held.length).toBe(1);
    await held[0]?.();
    await page.locator('#message.done').waitFor();
    expect(posts(opened)).toHaveLength(1);
    expect(await page.getAttribute('form', 'aria-busy')).toBe('false');
  });

  it('is used by the keyboard alone, with a visible focus', async () => {
    const { page } = await open({ page: 'acceptInvitation', answer: DONE });
    const outline = 'getComputedStyle(document.activeElement).outlineStyle';
    const stops = [];
    for (let index = 0; index < 3; index += 1) {
      await page.keyboard.press('Tab');
      stops.push([await focused(page), await page.evaluate(outline)]);
    }
    expect(stops).toEqual([
      ['password', 'solid'],
      ['show-password', 'solid'],
      ['BUTTON', 'solid'],
    ]);
    await page.keyboard.press('Shift+Tab');
    await page.keyboard.press('Space');
    await page.keyboard.press('Shift+Tab');
    await page.keyboard.type(PASSWORD);
    expect([await page.getAttribute('#password', 'type'), await page.inputValue('#password')]).toEqual([
      'text',
      PASSWORD,
    ]);
    await page.keyboard.press('Enter');
    await page.locator('#message.done').waitFor();
    expect(await focused(page)).toBe('message');
    await page.keyboard.press('Tab');
    expect([await focused(page), await page.evaluate(outline)]).toEqual(['A', 'solid']);
  });

  it('runs no script and loads nothing but its own, whoever writes into it', async () => {
    const { page } = await open({ page: 'verifyEmail' });
    const violated = await page.evaluate(`(async () => {
      const found = [];
      document.addEventListener('securitypolicyviolation', ({ effectiveDirective }) => found.push(effectiveDirective));
      const script = document.createElement('script');
      script.textContent = 'window.wasRun = true';
      const handler = document.createElement('button');
      handler.setAttribute('onclick', 'window.wasRun = true');
      const image = document.createElement('img');
      image.src = 'http://127.0.0.1:1/x.png';
      const style = document.createElement('style');
      style.textContent = 'body { display: none }';
      const base = document.createElement('base');
      base.href = 'http://127.0.0.1:1/';
      document.body.append(script, handler, image, style, base);
      handler.click();
      await fetch('http://127.0.0.1:1/', { mode: 'no-cors' }).catch(() => undefined);
      while (new Set(found).size < 6) await new Promise((done) => requestAnimationFrame(done));
      return { found: [...new Set(found)].sort(), wasRun: window.wasRun };
    })()`);
    expect(violated).toEqual({
      found: ['base-uri', 'connect-src', 'img-src', 'script-src-attr', 'script-src-elem', 'style-src-elem'],
    });
  });

  it('is not shown in a frame', async () => {
    const outer = await serve((_, response) => {
      response.setHeader('content-type', 'text/html');
      response.end(`<iframe src="${app.url}/account/verify-email#token=${TOKEN}"></iframe>`);
    });
    const context = await browser.newContext();
    onTestFinished(() => context.close());
    const page = await context.newPage();
    await page.goto(outer);
    await page.waitForLoadState('networkidle');
    const [, frame] = page.frames();
    expect(frame?.url()).toMatch(/^chrome-error:/);
  });

  it('works below a path of which a proxy removes the beginning', async () => {
    const proxy = await serve((request, response) => void forward(request, response));
    const opened = await open({ page: 'verifyEmail', base: `${proxy}/auth`, answer: DONE });
    const { page, complaints } = opened;
    await fillAndPress(page);
    expect(await page.locator('#message.done').isVisible()).toBe(true);
    expect(posts(opened).map((request) => request.url())).toEqual([`${proxy}/auth/v1/auth/email-verification/confirm`]);
    expect(page.url()).toBe(`${proxy}/auth/account/verify-email?lang=en`);
    expect(complaints).toEqual([]);
  });

  it.each(PAGES)('fits into 320 pixels: %s', async (name) => {
    for (const language of LANGUAGES) {
      const { page } = await open({
        page: name,
        language,
        answer: { status: 400, code: 'mail_token_invalid' },
        viewport: { width: 320, height: 568 },
      });
      const width = 'document.documentElement.scrollWidth';
      expect([language, await page.evaluate(width)]).toEqual([language, 320]);
      await fillAndPress(page);
      expect([language, await page.evaluate(width)]).toEqual([language, 320]);
    }
  });

  it('says without JavaScript that it needs it', async () => {
    for (const language of LANGUAGES) {
      const { page } = await open({ page: 'resetPassword', language, javaScriptEnabled: false });
      expect(await page.locator('noscript').innerText()).toBe(PAGE_TEXTS[language].noScript);
      expect(await page.locator('form').isVisible()).toBe(false);
    }
  });

  describe.each(LANGUAGES)('in %s', (language) => {
    it.each(pagesOnce(language))(
      'has no flaw that axe finds, in any state, light and dark: %s',
      { timeout: 120_000 },
      async (name) => {
        const answers: readonly PlayedAnswer[] = [
          { status: 401, code: 'credentials_invalid' },
          { status: 400, code: 'mail_token_invalid' },
          { status: 503, code: 'service_unavailable' },
          // Said as `perhaps_done`.
          { status: 400, code: 'mail_token_invalid' },
          DONE,
        ];
        let played: PlayedAnswer = DONE;
        const answer = (route: Route): Promise<void> => play(route, played);
        const { page } = await open({ page: name, language, token: null, answer });
        expect(await flawsOf(page)).toEqual([]);
        await follow(page, TOKEN);
        expect(await flawsOf(page)).toEqual([]);
        for (const each of answers) {
          played = each;
          await follow(page, TOKEN);
          await fillAndPress(page);
          expect([each, await flawsOf(page)]).toEqual([each, []]);
        }
      },
    );
  });
});

/**
 * Rules of axe that the page breaks, with the elements, in light and in dark. Dark changes colours alone: there only the rules about
 * colours are tried, and with `npm run test:faults` all.
 */
async function flawsOf(page: Page): Promise<readonly unknown[]> {
  if (!(await page.evaluate<boolean>(`'axe' in window`))) await page.evaluate(axe.source);
  const flaws: unknown[] = [];
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme });
    const rules = colorScheme === 'dark' && !IS_EXHAUSTIVE ? `runOnly: ['cat.color'],` : '';
    const found = await page.evaluate<unknown[]>(
      `axe.run(document, { ${rules} resultTypes: ['violations'] }).then(({ violations }) => violations.map(({ id, nodes }) => ['${colorScheme}', id, nodes.map(({ html }) => html)]))`,
    );
    flaws.push(...found);
  }
  return flaws;
}

async function serve(answer: (request: IncomingMessage, response: ServerResponse) => void): Promise<string> {
  const server = createServer(answer).listen(0, '127.0.0.1');
  onTestFinished(async () => {
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  });
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** A proxy in front of the service that serves it below `/auth`. */
async function forward({ url = '' }: IncomingMessage, response: ServerResponse): Promise<void> {
  const answer = url.startsWith('/auth/') ? await fetch(`${app.url}${url.slice('/auth'.length)}`) : undefined;
  response.statusCode = answer?.status ?? 404;
  for (const name of ['content-type', 'content-security-policy', 'x-content-type-options']) {
    response.setHeader(name, answer?.headers.get(name) ?? '');
  }
  response.end(await answer?.text());
}
