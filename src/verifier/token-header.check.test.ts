import { createSecretKey, randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { TokenError } from './token-error.js';
import { keyForHeader } from './token-header.check.js';
import { prepareVerificationKey } from './verification-key.js';

const key = prepareVerificationKey({ kid: 'shared', alg: 'HS256', key: createSecretKey(randomBytes(32)) });
const keys = new Map([[key.kid, key]]);
const header = { alg: 'HS256', kid: 'shared', typ: 'at+jwt' };

function errorCodeOf(changes: Record<string, unknown>): string | undefined {
  const outcome = keyForHeader({ ...header, ...changes }, keys);
  if (outcome instanceof TokenError) return outcome.code;
  expect(outcome).toBe(key);
  return undefined;
}

describe('the header of an access token', () => {
  it.each([{}, { typ: 'application/at+jwt' }, { x5t: 'a hint' }, { unknown: 1 }])('may contain %j', (changes) => {
    expect(errorCodeOf(changes)).toBeUndefined();
  });

  it.each([{ jwk: {} }, { jku: 'https://a.example' }, { x5u: 'https://a.example' }, { x5c: ['MIIB'] }, { jwk: null }])(
    'must not contain a key: %j (TOK-03)',
    (changes) => {
      expect(errorCodeOf(changes)).toBe('header');
    },
  );

  it.each([
    { crit: ['exp'] },
    { crit: ['b64'], b64: false },
    { crit: [] },
    { crit: null },
    { b64: false },
    { b64: true },
    { zip: 'DEF' },
  ])('must not ask for an extension: %j (TOK-10)', (changes) => {
    expect(errorCodeOf(changes)).toBe('header');
  });

  it.each(['JWT', 'jwt', 'rt+jwt', 'dpop+jwt', 'at+jwt ', 'at+JWT', '', null, undefined, ['at+jwt'], 1])(
    'has the typ at+jwt and not %j (TOK-06)',
    (typ) => {
      expect(errorCodeOf({ typ })).toBe('header');
    },
  );

  it.each(['none', 'None', 'NONE', 'nOnE', ' none', '', undefined, null, ['HS256'], 'HS512', 'hs256', 'ES256'])(
    'has the algorithm of its key and not %j (TOK-01, TOK-08)',
    (alg) => {
      expect(errorCodeOf({ alg })).toBe('header');
    },
  );

  it.each(['', 'nobody', undefined, null, 0, ['shared'], '__proto__', 'constructor', 'Shared', 'shared '])(
    'names a trusted key and not %j',
    (kid) => {
      expect(errorCodeOf({ kid })).toBe('unknown_key');
    },
  );
});
