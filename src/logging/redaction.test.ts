import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { redactLine } from './redaction.js';

const ACCESS_TOKEN = 'eyJhbGciOiJFUzI1NiIsInR5cCI6ImF0K2p3dCJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJl';
const REFRESH_TOKEN = 'AQGiEj8kt3f8h4xZqQmerEUAAAABk2Jx0-fQ_5dYw8zPp3sVt7uA';
const HASH = '$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0$aGFzaGhhc2hoYXNo';

describe('a log line', () => {
  it.each([
    ['an access token', ACCESS_TOKEN],
    ['a refresh or device token', REFRESH_TOKEN],
    ['a stored hash', HASH],
    ['the credentials of a URL', 'postgresql://gatehouse:hunter2@db/gatehouse', 'hunter2'],
  ])('does not show %s, wherever it stands', (_what, text, secret = text) => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (before, after) => {
        const value = `${before}\n${text} ${after}`;
        const line = redactLine(
          `${JSON.stringify({ err: { message: value, stack: `Error: ${value}` }, [value]: 1 })}\n`,
        );
        expect(line).not.toContain(secret);
        expect(() => JSON.parse(line) as unknown).not.toThrow();
      }),
    );
  });

  it.each(['password', 'currentPassword', 'newPassword', 'authorization', 'cookie', 'refresh_token', 'deviceToken'])(
    'does not show the value of a member called %s',
    (name) => {
      const line = redactLine(JSON.stringify({ body: { [name]: 'a "quoted\\" secret', other: 'kept' } }));
      expect(JSON.parse(line)).toEqual({ body: { [name]: '[redacted]', other: 'kept' } });
    },
  );

  it('keeps everything else', () => {
    const line = JSON.stringify({
      time: '2026-11-27T01:00:00.000Z',
      reqId: '01a20950-7564-7348-a923-fee2c69c6528',
      kid: 'NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs',
      route: '/.well-known/oauth-authorization-server/:id',
      url: 'http://127.0.0.1:3000',
      event: 'refresh_token_reused',
      limit: 'address-and-account',
    });
    expect(redactLine(line)).toBe(line);
  });
});
