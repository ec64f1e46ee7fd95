import { describe, expect, it } from 'vitest';
import { invalidSmtpUrlReason, parseSmtpUrl } from './smtp-url.js';

describe('SMTP_URL', () => {
  it.each([
    ['smtp://mail.example.com', { host: 'mail.example.com', port: 587, tls: 'STARTTLS' }],
    ['smtps://mail.example.com', { host: 'mail.example.com', port: 465, tls: 'implicit' }],
    ['SMTP://mail.example.com:2525/', { host: 'mail.example.com', port: 2525, tls: 'STARTTLS' }],
    ['smtp://mail.example.com?tls=off', { host: 'mail.example.com', port: 587, tls: 'none' }],
    ['smtp://localhost:25?tls=on', { host: 'localhost', port: 25, tls: 'STARTTLS' }],
    ['smtp://localhost:25', { host: 'localhost', port: 25, tls: 'none' }],
    ['smtp://127.1.2.3:25', { host: '127.1.2.3', port: 25, tls: 'none' }],
    ['smtp://[::1]:25', { host: '::1', port: 25, tls: 'none' }],
    ['smtps://127.0.0.1', { host: '127.0.0.1', port: 465, tls: 'implicit' }],
    ['smtp://10.0.0.1', { host: '10.0.0.1', port: 587, tls: 'STARTTLS' }],
    [
      'smtp://ada%40example.com:p%3A%25%2F@mail.example.com',
      { host: 'mail.example.com', port: 587, tls: 'STARTTLS', login: { user: 'ada@example.com', password: 'p:%/' } },
    ],
  ])('%s is read', (url, server) => {
    expect(invalidSmtpUrlReason(url)).toBeUndefined();
    expect(parseSmtpUrl(url)).toEqual(server);
  });

  it.each([
    ['mail.example.com:587', 'does not start with smtp://'],
    ['https://mail.example.com', 'does not start with smtp://'],
    ['smtp://', 'is not a URL'],
    ['smtp://:587', 'is not a URL'],
    ['smtp://user:pass@word@mail.example.com', 'percent-encode'],
    ['smtp://user@mail.example.com', 'percent-encode'],
    ['smtp://user:@mail.example.com', 'percent-encode'],
    ['smtp://user:pa/ss@mail.example.com', 'percent-encode'],
    ['smtp://user:pa ss@mail.example.com', 'percent-encode'],
    ['smtp://mail.example.com/path', 'is not a URL'],
    ['smtp://mail.example.com\r\nRCPT', 'is not a URL'],
    ['smtp://user:100%@mail.example.com', 'encodes nothing'],
    ['smtp://mail.example.com:0', 'has a port'],
    ['smtp://mail.example.com:70000', 'has a port'],
    ['smtp://mail.example.com?tls=maybe', 'another parameter'],
    ['smtp://mail.example.com?tls=off&pool=true', 'another parameter'],
    ['smtps://mail.example.com?tls=off', 'contradicts'],
  ])('%j is refused, and not repeated', (url, reason) => {
    const said = invalidSmtpUrlReason(url) ?? '';
    expect(said).toContain(reason);
    expect(said).not.toMatch(/pass@|pa\/ss|100%@/);
  });
});
