import { describe, expect, it, onTestFinished } from 'vitest';
import { mailTextOf } from './mail-text.js';
import type { ClaimedMail } from './mails.repository.js';

const SERVICE = { serviceName: 'Notes' };
const LINK = 'https://accounts.example.com/account/reset-password?lang=en#token=abc';
const mail = (changes: Partial<ClaimedMail> = {}): ClaimedMail => ({
  id: '01930000-0000-7000-8000-000000000001',
  template: 'reset_password',
  recipient: 'Grace@example.com',
  language: 'en',
  userId: null,
  details: {},
  createdAt: new Date('2026-11-30T23:05:00Z'),
  attempts: 1,
  token: {
    id: '01930000-0000-7000-8000-000000000002',
    purpose: 'password_reset',
    expiresAt: '2026-11-30T23:35:59.9+00:00',
  },
  isRefused: false,
  ...changes,
});
const notice = (changes: Partial<ClaimedMail>) =>
  mailTextOf(mail({ template: 'unknown_device', token: null, ...changes }), SERVICE, '').text;

describe('what a mail says', () => {
  it('goes to its recipient alone, under its own id, with its link on a line of its own', () => {
    const { id, to, subject, text, html } = mailTextOf(mail(), SERVICE, LINK);
    expect([id, to, subject]).toEqual([mail().id, 'Grace@example.com', 'Set a new password for Notes']);
    expect(text.split('\n')).toContain(LINK);
    expect(html).toContain(`<a href="${LINK}">${LINK}</a>`);
  });

  it.each([
    ['en', 'until 30 November 2026 at 23:35 UTC', 'On 30 November 2026 at 23:05 UTC'],
    ['de', 'bis 30. November 2026 um 23:35 UTC', ': 30. November 2026 um 23:05 UTC'],
  ] as const)('has its times in UTC in %s, in whichever time zone the process runs', (language, until, time) => {
    const before = process.env['TZ'];
    onTestFinished(() => void (before === undefined ? delete process.env['TZ'] : (process.env['TZ'] = before)));
    for (const zone of ['UTC', 'Asia/Tokyo', 'America/New_York']) {
      process.env['TZ'] = zone;
      expect(mailTextOf(mail({ language }), SERVICE, LINK).text).toContain(until);
      expect(notice({ language })).toContain(time);
    }
  });

  it.each([
    [{ browser: 'Firefox', system: 'Linux' }, 'from Firefox on Linux, which', 'von Firefox unter Linux aus'],
    [{ browser: 'Safari' }, 'from Safari, which', 'von Safari aus'],
    [{ system: 'Android' }, 'from Android, which', 'von Android aus'],
    [{}, 'from an unknown device, which', 'von einem unbekannten Gerät aus'],
  ])('of the device %j is: %s', (details, english, german) => {
    expect(notice({ details })).toContain(english);
    expect(notice({ details, language: 'de' })).toContain(german);
  });
});
