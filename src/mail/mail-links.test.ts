import { describe, expect, it } from 'vitest';
import { parseSettings } from '../config/read-settings.js';
import type { TokenPurpose } from '../one-time-tokens/one-time-token.js';
import { mailLink } from './mail-links.js';

const TOKEN = 'AZ-09_token';
const ISSUER = 'https://accounts.example.com';
const PURPOSES: readonly (readonly [TokenPurpose, page: string, setting: string | undefined])[] = [
  ['registration', 'verify-email', 'EMAIL_VERIFICATION_URL'],
  ['email_verification', 'verify-email', 'EMAIL_VERIFICATION_URL'],
  ['password_reset', 'reset-password', 'PASSWORD_RESET_URL'],
  ['email_change', 'confirm-email-change', 'EMAIL_CHANGE_URL'],
  ['invitation', 'accept-invitation', 'INVITATION_URL'],
  ['email_undo', 'undo-email-change', undefined],
];

/** Pages of the application for these settings. */
const pages = (names: readonly string[]): Record<string, string> =>
  Object.fromEntries(names.map((name) => [name, `https://app.example.com/${name}?from=mail#t={token}`]));

describe('the link of a mail', () => {
  it.each(PURPOSES)(
    'for %s leads to the page %s of the issuer, with the token after the # (REC-03)',
    (purpose, page) => {
      const settings = parseSettings({ ISSUER });
      expect(mailLink(settings, purpose, TOKEN, 'de')).toBe(`${ISSUER}/account/${page}?lang=de#token=${TOKEN}`);
    },
  );

  it.each(['https://example.com/auth', 'https://example.com/auth/'])('is below the path of the issuer %s', (issuer) => {
    const link = mailLink(parseSettings({ ISSUER: issuer }), 'password_reset', TOKEN, 'en');
    expect(link).toBe(`https://example.com/auth/account/reset-password?lang=en#token=${TOKEN}`);
  });

  it.each(PURPOSES)(
    'for %s leads to %s, or where the application has a page of its own, there (REC-03)',
    (purpose, page, setting) => {
      const others = PURPOSES.flatMap(([, , name]) => (name === undefined || name === setting ? [] : [name]));
      const own = parseSettings({ ISSUER, ...pages(others) });
      expect(mailLink(own, purpose, TOKEN, 'en')).toBe(`${ISSUER}/account/${page}?lang=en#token=${TOKEN}`);
      if (setting === undefined) return;
      const link = mailLink(parseSettings({ ISSUER, ...pages([setting]) }), purpose, TOKEN, 'en');
      expect(link).toBe(`https://app.example.com/${setting}?from=mail#t=${TOKEN}`);
    },
  );

  it('tells a page of the application the language of the mail, where its URL has {lang}', () => {
    const own = parseSettings({ ISSUER, PASSWORD_RESET_URL: 'https://app.example.com/{lang}/reset#{token}' });
    expect(mailLink(own, 'password_reset', TOKEN, 'de')).toBe(`https://app.example.com/de/reset#${TOKEN}`);
  });
});
