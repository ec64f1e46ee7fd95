import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { checkClaims } from './access-token-claims.check.js';
import { TokenError } from './token-error.js';

const expected = { issuer: 'https://accounts.example', audience: 'https://api.example' };
const good: Readonly<Record<string, unknown>> = {
  iss: expected.issuer,
  aud: expected.audience,
  exp: 1_800_000_900,
  iat: 1_800_000_000,
  sub: randomUUID(),
  sid: randomUUID(),
  jti: randomUUID(),
  client_id: 'gatehouse',
};

function errorOf(changes: Record<string, unknown>): string | undefined {
  const checked = checkClaims({ ...good, ...changes }, expected);
  return checked instanceof TokenError ? `${checked.code}: ${checked.message.split(' ')[0]}` : undefined;
}

const notText = [null, true, 1, {}, [], ['a'], ''];
const notNumber = [null, true, '1800000000', {}, [1_800_000_000], Number.POSITIVE_INFINITY, Number.NaN];
const notUuid = [...notText, 'a', `${randomUUID()} `, `${randomUUID()}\n`, randomUUID().toUpperCase()];

const wrong: Record<string, readonly unknown[]> = {
  iss: [...notText, `${expected.issuer}/`, 'https://ACCOUNTS.example', [expected.issuer]],
  aud: [...notText, 'https://other.example', [expected.audience, 1], [[expected.audience]], `${expected.audience}/x`],
  exp: notNumber,
  iat: notNumber,
  sub: notUuid,
  sid: notUuid,
  jti: [...notText, 'a'.repeat(256)],
  client_id: [...notText, 'a'.repeat(256)],
};

describe('the claims of an access token', () => {
  it('pass when they follow RFC 9068 section 2.2', () => {
    expect(errorOf({})).toBeUndefined();
    expect(errorOf({ email: 'someone@example.com', nbf: 1_800_000_000 })).toBeUndefined();
    expect(errorOf({ roles: ['admin', 'editor'], rv: 2 })).toBeUndefined();
  });

  it.each(Object.keys(wrong))('are refused without %s', (name) => {
    expect(errorOf({ [name]: undefined })).toBe(`claims: ${name}`);
  });

  it.each(Object.entries(wrong))('are refused with an invalid %s', (name, values) => {
    for (const value of values) expect([value, errorOf({ [name]: value })]).toEqual([value, `claims: ${name}`]);
  });

  it.each([
    ['nbf', notNumber],
    ['email', [...notText, 'a'.repeat(255)]],
    ['roles', [null, 'admin', {}, ['admin', ''], [1], [['admin']], ['a'.repeat(256)]]],
    ['rv', [...notNumber, -1, 1.5, 2 ** 53]],
  ])('may lack %s but not have an invalid one', (name, values) => {
    expect(errorOf({ [name]: undefined })).toBeUndefined();
    for (const value of values) expect([value, errorOf({ [name]: value })]).toEqual([value, `claims: ${name}`]);
  });
});
