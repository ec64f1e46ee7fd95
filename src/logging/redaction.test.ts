import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { redactLine } from './redaction.js';

const ACCESS_TOKEN = 'eyJhbGciOiJFUzI1NiIsInR5cCI6ImF0K2p3dCJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJl';
const REFRESH_TOKEN = 'AQGiEj8kt3f8h4xZqQmerEUAAAABk2Jx0-fQ_5dYw8zPp3sVt7uA';
const HASH = '$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0$aGFzaGhhc2hoYXNo';

const nested = (value: unknown, depth: number): unknown =>
  depth === 0 ? value : { err: { message: `upstream refused ${JSON.stringify(nested(value, depth - 1))}!` } };
const SECRETS = ['correct horse battery', 'short', 'a "quoted" \\ one\\', '\\"', '\n\u2028"', 'x: y, "z": 1'];
const withSecrets = (secret: string): object => ({
  email: 'ada@example.com',
  password: secret,
  list: { 'set-cookie': [secret, secret], access_token: secret },
  after: 'kept',
});

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

  it.each([0, 1, 2, 3, 4])('does not show the members of JSON that is quoted %i deep (LOG-01)', (depth) => {
    for (const secret of SECRETS) {
      const expected = { ...withSecrets('[redacted]') };
      const line = redactLine(JSON.stringify(nested(withSecrets(secret), depth)));
      expect(JSON.parse(line)).toEqual(nested(expected, depth));
    }
  });

  it('does not show the members of JSON with line breaks, or that was cut (LOG-01)', () => {
    const text = JSON.stringify(withSecrets('correct horse'), undefined, 2);
    for (let length = 0; length <= text.length; length++) {
      const line = redactLine(JSON.stringify({ err: { message: text.slice(0, length) }, after: 'kept' }));
      expect(line).not.toMatch(/correct|horse/);
      expect(JSON.parse(line)).toMatchObject({ after: 'kept' });
    }
  });

  it.each([
    ['a header', 'authorization: Basic YWRhOmhvcnNl'],
    ['a header in capitals', 'GET / HTTP/1.1\r\nAuthorization: Bearer 0123456789horse0123456789\r\n'],
    ['a header after a line break', 'headers:\nCookie: sid=horse; a="horse"\nHost: kept'],
    ['a cookie that is set', 'Set-Cookie: sid=horse; Path=/'],
    ['a header for a proxy', 'Proxy-Authorization: Digest username="horse", response="horse"'],
    ['a printed object', "{ password: 'correct horse', kept: 1 }"],
    ['a printed object with other quotes', `{ password: "it's a horse", kept: 1 }`],
    ['a form', 'username=ada&password=horse&kept=1'],
    ['a query', 'https://example.com/callback?access_token=horse&kept=1'],
  ])('does not show the secret in %s, in an error and in JSON within it (LOG-01)', (_what, text) => {
    for (const message of [text, JSON.stringify({ text }), `${text}\nkept`]) {
      const line = redactLine(
        JSON.stringify({ err: { message, stack: `Error: ${message}\n    at kept (file.js:1:1)` } }),
      );
      expect(line).not.toContain('horse');
      expect(JSON.parse(line)).toMatchObject({ err: { stack: expect.stringContaining('at kept (file.js:1:1)') } });
    }
  });

  it.each([
    '\\',
    '"',
    '\\"',
    '"password":"',
    '\\"password\\":[\\"',
    'password=',
    "password: '",
    'cookie: ',
    'a://',
    ' \\n',
  ])('of many %j is redacted within seconds, however hostile', (part) => {
    const timeOf = (count: number): number => {
      const line = JSON.stringify({ message: `password ${part.repeat(count)}` });
      const started = performance.now();
      redactLine(line);
      return performance.now() - started;
    };
    timeOf(1000);
    expect(timeOf(30_000)).toBeLessThan(3000);
  });

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
