import { describe, expect, it } from 'vitest';
import { decodeBase64url, isCompactJws, MAX_TOKEN_LENGTH, parseJsonObject, splitCompactJws } from './compact-jws.js';
import { TokenError } from './token-error.js';

function errorCodeOf(work: () => unknown): string | undefined {
  const outcome = work();
  return outcome instanceof TokenError ? outcome.code : undefined;
}

describe('a compact JWS', () => {
  it('has three parts, of which two are signed', () => {
    expect(splitCompactJws('a.bc.d')).toEqual({ header: 'a', payload: 'bc', signature: 'd', signingInput: 'a.bc' });
    expect(splitCompactJws('a.b.')).toMatchObject({ signature: '' });
    expect(['a.bc.d', 'a.b.', '..'].every(isCompactJws)).toBe(true);
  });

  it.each(['', 'a', 'a.b', 'a.b.c.', '.a.b.c', 'a.b.c.d.e', '{"payload":"a"}'])('is not %j', (text) => {
    expect(errorCodeOf(() => splitCompactJws(text))).toBe('malformed');
    expect(isCompactJws(text)).toBe(false);
  });

  it('has at most MAX_TOKEN_LENGTH characters', () => {
    expect(errorCodeOf(() => splitCompactJws('a.b.'.padEnd(MAX_TOKEN_LENGTH, 'c')))).toBeUndefined();
    expect(errorCodeOf(() => splitCompactJws('a.b.'.padEnd(MAX_TOKEN_LENGTH + 1, 'c')))).toBe('malformed');
  });
});

describe('base64url', () => {
  it('is decoded from every canonical text (RFC 4648 section 10)', () => {
    for (const text of ['', 'f', 'fo', 'foo', 'foob', '\u00ff\u00fe\u00fb']) {
      const bytes = Buffer.from(text, 'latin1');
      expect(decodeBase64url(bytes.toString('base64url'))).toEqual(bytes);
    }
  });

  it.each([
    'Zg==',
    'Zg=',
    'Zh',
    'Zm9',
    'Z',
    'Zm 8',
    'Zm8\n',
    ' Zm8',
    '-_+/',
    '+/',
    '__8=',
    'Zm8\0',
    'Zm8é',
    'Zm8.',
    'Ｚｍ８',
  ])('is not %j (TOK-11)', (text) => {
    expect(errorCodeOf(() => decodeBase64url(text))).toBe('malformed');
  });
});

describe('a JSON object', () => {
  it.each(['{}', ' {"a": 1}\n', '{"b":{"a":1},"a":1}', '{"é":"\\u00e9"}'])('can be %j', (text) => {
    expect(parseJsonObject(Buffer.from(text), 'claims')).toEqual(JSON.parse(text));
  });

  it.each([
    ['a duplicate', '{"a":"b","a":"c"}'],
    ['an equal duplicate', '{"a":1,"a":1}'],
    ['an escaped duplicate', '{"a":1,"\\u0061":2}'],
    ['a nested duplicate', '{"more":[{"a":1,"a":2}]}'],
    ['a lone surrogate', '{"a":"\\ud800"}'],
    ['a prototype', '{"__proto__":{"exp":1}}'],
    ['a list', '[{"a":1}]'],
    ['null', 'null'],
    ['a string', '"{}"'],
    ['a number', '1'],
    ['an empty text', ''],
    ['cut off', '{"a":1'],
    ['followed by more', '{"a":1}{}'],
    ['after a byte order mark', '\uFEFF{"a":1}'],
    ['ill-formed UTF-8', Buffer.from('{"a":"\xc3\x28"}', 'latin1')],
    ['overlong UTF-8', Buffer.from('{"a":"\xc1\xa1"}', 'latin1')],
    ['UTF-16', Buffer.from('{"a":1}', 'utf16le')],
  ])('is not %s: %j (TOK-14)', (_, text) => {
    expect(errorCodeOf(() => parseJsonObject(Buffer.from(text), 'claims'))).toBe('claims');
    expect(errorCodeOf(() => parseJsonObject(Buffer.from(text), 'header'))).toBe('header');
  });
});
