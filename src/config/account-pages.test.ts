import { describe, expect, it } from 'vitest';
import { ACCOUNT_PAGES, accountPageUrl } from './account-pages.js';

describe('the link to an account page', () => {
  it.each([
    ['https://accounts.example.com', 'https://accounts.example.com/account/verify-email?lang=de#token='],
    ['https://accounts.example.com/', 'https://accounts.example.com/account/verify-email?lang=de#token='],
    ['http://127.0.0.1:3000', 'http://127.0.0.1:3000/account/verify-email?lang=de#token='],
    ['https://example.com/auth', 'https://example.com/auth/account/verify-email?lang=de#token='],
    ['https://example.com/auth/?x=1#y', 'https://example.com/auth/account/verify-email?lang=de#token='],
  ])('of the issuer %s is %s', (issuer, link) => {
    expect(accountPageUrl(issuer, 'verifyEmail', 'de')).toBe(link);
  });

  it('takes a token and gives it back', () => {
    const link = `${accountPageUrl('https://example.com', 'resetPassword', 'en')}a-b_c.d`;
    expect(new URLSearchParams(new URL(link).hash.slice(1)).get('token')).toBe('a-b_c.d');
    expect(new URL(link).pathname).toBe(ACCOUNT_PAGES.resetPassword);
  });
});
