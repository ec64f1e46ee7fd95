import { describe, expect, it } from 'vitest';
import { LANGUAGES } from '../config/languages.js';
import { ENGLISH } from './english.catalogue.js';
import { GERMAN } from './german.catalogue.js';
import { MAIL_TEMPLATES, type MailTemplate } from './mail-templates.js';
import { renderMail, requireKnownNames } from './render-mail.js';

const EVIL = `<b>"A" & 'B'</b> {{service}} $& $1`;
const ALL_EVIL = { service: EVIL, link: EVIL, until: EVIL, time: EVIL, device: EVIL };

describe('a mail', () => {
  it.each(LANGUAGES)('has no name left and every value, in text and in HTML: %s', (language) => {
    requireKnownNames();
    for (const template of Object.keys(MAIL_TEMPLATES) as MailTemplate[]) {
      const { subject, text, html } = renderMail(template, language, ALL_EVIL);
      expect(`${subject}${text}`.replaceAll(EVIL, '')).not.toMatch(/[{}]|undefined/);
      expect(text).toContain(EVIL);
      expect(html).toContain('&lt;b&gt;&quot;A&quot; &amp; &#39;B&#39;&lt;/b&gt; {{service}} $&amp; $1');
      expect(html).not.toContain('<b>');
      expect(html).toMatch(new RegExp(`^<!doctype html>\n<html lang="${language}">`));
    }
  });

  it('is in the words of its language', () => {
    const [english, german] = LANGUAGES.map((language) => renderMail('test', language, { service: 'Notes' }));
    expect(english).toMatchObject({
      subject: 'Mail from Notes',
      text: 'Notes can send mail to this address.\n\nSomebody who operates Notes has sent this to try it.\n',
      html: expect.stringContaining('<p>Notes can send mail to this address.</p>\n<p>Somebody') as string,
    });
    expect(german?.subject).toBe('E-Mail von Notes');
  });

  it('has a link that is a paragraph of its own as one in HTML, and no other', () => {
    const link = 'https://accounts.example.com/account/verify-email?lang=en#token=a"b&c';
    const { html } = renderMail('verify_email', 'en', { service: 'https://evil.example', link, until: 'then' });
    const escaped = link.replace('&', '&amp;').replace('"', '&quot;');
    expect(html).toContain(`<p><a href="${escaped}">${escaped}</a></p>`);
    expect(html.match(/<a /g)).toHaveLength(1);
  });

  it.each([
    ['a name that its template does not have', '{{service}} {{password}}', 'has no value for {{password}}'],
    ['a text that leaves one out', 'Hello', 'does not say {{service}}'],
  ])('with %s is refused', (_case, text, message) => {
    const catalogues = { en: ENGLISH, de: { ...GERMAN, mails: { ...GERMAN.mails, test: { subject: 'Mail', text } } } };
    expect(() => requireKnownNames(catalogues)).toThrow(message);
  });
});
