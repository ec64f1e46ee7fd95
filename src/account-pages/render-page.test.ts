import { describe, expect, it } from 'vitest';
import { ACCOUNT_PAGES, type AccountPage } from '../config/account-pages.js';
import type { Language } from '../config/languages.js';
import { FINAL_MESSAGES } from './page-texts.js';
import { PAGE_TEXTS, renderPage } from './render-page.js';

const PAGES = Object.keys(ACCOUNT_PAGES) as AccountPage[];
const LANGUAGES = Object.keys(PAGE_TEXTS) as Language[];
const SETTINGS = {
  serviceName: 'Notes',
  passwordMinLength: 12,
  appUrl: 'https://app.example.com/start',
  registration: 'open',
} as const;
const EVERY_PAGE = PAGES.flatMap((page) => LANGUAGES.map((language): [AccountPage, Language] => [page, language]));

describe('the account page', () => {
  it.each(EVERY_PAGE)('%s in %s has every text filled in, but for the time to wait', (page, language) => {
    const html = renderPage(page, language, SETTINGS);
    expect(new Set(html.match(/\{\{\w+\}\}/g))).toEqual(new Set(['{{wait}}']));
    expect(html).toContain(`<html lang="${language}">`);
    expect(html).toContain(' · Notes</title>');
  });

  it.each(EVERY_PAGE)('%s in %s says the settings and texts as text, and never as HTML', (page, language) => {
    const html = renderPage(page, language, {
      ...SETTINGS,
      serviceName: `<script>"&'</script>`,
      appUrl: 'https://app.example.com/?a=1&b="><script>',
    });
    expect(html.match(/<script/g)).toEqual(['<script']);
    expect(html).toContain('&lt;script&gt;&quot;&amp;&#39;&lt;/script&gt;');
    expect(html).toContain('<a href="https://app.example.com/?a=1&amp;b=&quot;&gt;&lt;script&gt;">');
  });

  it.each(EVERY_PAGE)('%s in %s has only relative URLs, and no link back without APP_URL', (page, language) => {
    const html = renderPage(page, language, { ...SETTINGS, appUrl: undefined });
    const urls = [...html.matchAll(/(?:href|src|action)="([^"]*)"/g)].map(([, url]) => url);
    expect(urls).toEqual([
      'assets/account-page.css',
      'assets/account-page.js',
      expect.stringMatching(/^\.\.\/v1\/auth\/[a-z/-]+$/) as string,
    ]);
  });

  it('says the shortest and the longest password', () => {
    const html = renderPage('resetPassword', 'en', SETTINGS);
    expect(html).toContain('At least 12 characters.');
    expect(html).toContain('Use at least 12 characters.');
    expect(html).toContain('Use at most 256 characters.');
  });

  it.each([
    ['open', 'ask Notes for a new link', 'fordern Sie bei Notes einen neuen Link an'],
    ['verified', 'register again', 'registrieren Sie sich noch einmal'],
    ['closed', 'ask those who run Notes', 'fragen Sie die Betreiber von Notes'],
  ] as const)(
    'leads with REGISTRATION=%s from a link that is over to what is possible then',
    (registration, en, de) => {
      for (const [language, words] of [
        ['en', en],
        ['de', de],
      ] as const) {
        const html = renderPage('verifyEmail', language, { ...SETTINGS, registration });
        for (const name of ['mail_token_invalid', 'mail_token_expired', 'perhaps_done']) {
          expect([name, messageIn(html, name)]).toEqual([name, expect.stringContaining(words)]);
        }
      }
    },
  );

  it.each(EVERY_PAGE)(
    '%s in %s says at each end what to do next, and nothing of a mail that may never have been',
    (page, language) => {
      const html = renderPage(page, language, { ...SETTINGS, appUrl: undefined });
      for (const name of FINAL_MESSAGES) {
        const text = messageIn(html, name);
        expect([name, text]).toEqual([name, expect.stringMatching(NEXT_STEP[language])]);
        // A link may have been handed out. The undo of a change is always mailed.
        if (page !== 'undoEmailChange')
          expect([name, text]).not.toEqual([name, expect.stringMatching(/\bmail\b|E-Mail\b(?!-)/)]);
      }
      expect(/<noscript>.*/.exec(html)?.[0]).not.toMatch(/mail/i);
    },
  );
});

const NEXT_STEP: Readonly<Record<Language, RegExp>> = {
  en: /\b(log in|ask|tell|start|open)\b/i,
  de: /anzumelden|melden Sie|fordern Sie|wenden Sie|beginnen Sie|öffnen Sie/i,
};

function messageIn(html: string, name: string): string {
  return new RegExp(`<template data-message="${name}"[^>]*>(.*?)</template>`).exec(html)?.[1] ?? '';
}
