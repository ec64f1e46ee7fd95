import { describe, expect, it } from 'vitest';
import { ACCOUNT_PAGES, type AccountPage } from '../config/account-pages.js';
import type { Language } from '../config/languages.js';
import { PAGE_TEXTS, renderPage } from './render-page.js';

const PAGES = Object.keys(ACCOUNT_PAGES) as AccountPage[];
const LANGUAGES = Object.keys(PAGE_TEXTS) as Language[];
const SETTINGS = { serviceName: 'Notes', passwordMinLength: 12, appUrl: 'https://app.example.com/start' };
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
});
