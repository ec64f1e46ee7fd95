import { createSecretKey, randomBytes, randomUUID } from 'node:crypto';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it, vi } from 'vitest';
import type { AccessTokenClaims } from '../verifier/access-token-claims.check.js';
import { VerifiedTokenCache } from '../verifier/verified-token-cache.js';
import { prepareVerificationKey } from '../verifier/verification-key.js';
import { expiryText, extraBytesOf, TokenPrincipal } from './principal.js';

const EXP = 1_800_000_900;

function newClaims(more: object = {}): AccessTokenClaims {
  const ids = {
    sub: randomUUID(),
    sid: randomUUID(),
    jti: randomUUID(),
    email: `${randomUUID().slice(-8)}@example.com`,
  };
  const issuer = 'http://127.0.0.1:3000';
  return { iss: issuer, aud: issuer, client_id: 'gatehouse', iat: EXP - 900, exp: EXP, ...ids, ...more };
}

/** A token and its claims as a request brings them: no string is shared with another token. */
function received(more: object): { token: string; claims: AccessTokenClaims } {
  const text = JSON.stringify(newClaims(more));
  const parts = [randomBytes(82), Buffer.from(text), randomBytes(64)].map((part) => part.toString('base64url'));
  const authorization = Buffer.from(`Bearer ${parts.join('.')}`, 'latin1').toString('latin1');
  return { token: authorization.slice(7), claims: JSON.parse(text) as AccessTokenClaims };
}

const KEY = prepareVerificationKey({ kid: 'k', alg: 'HS256', key: createSecretKey(randomBytes(32)) });
const expired = (exp: number): TokenPrincipal =>
  new TokenPrincipal({ ...newClaims(), exp }, 'someone@example.com', KEY);

/** Bytes in use after a garbage collection. */
function heapInUse(): number {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
  return process.memoryUsage().heapUsed;
}

describe('the principal of a token', () => {
  it('has the claims of the token, also when copied and as JSON', () => {
    const claims = newClaims();
    const { sub, sid, jti, email = '' } = claims;
    const principal = new TokenPrincipal(claims, email, KEY);
    const expiresAt = new Date(EXP * 1000);
    const expected = {
      kind: 'user',
      userId: sub,
      email,
      emailVerified: false,
      roles: [],
      claims: {},
      sessionId: sid,
      tokenId: jti,
      clientId: 'gatehouse',
      expiresAt,
    };
    expect(Object.assign({}, principal)).toEqual(expected);
    expect(JSON.parse(JSON.stringify(principal))).toEqual({ ...expected, expiresAt: expiresAt.toISOString() });
    const verified = new TokenPrincipal({ ...claims, email_verified: true, rv: 7 }, email, KEY);
    expect([verified.emailVerified, verified.version, principal.version]).toEqual([true, 7, 0]);
  });

  it('cannot be changed by a handler, since the next request gets the same object', () => {
    const principal = new TokenPrincipal(newClaims(), 'someone@example.com', KEY);
    principal.expiresAt.setTime(0);
    expect(principal.expiresAt).toEqual(new Date(EXP * 1000));
    expect(() => Object.assign(principal, { userId: 'another' })).toThrow(TypeError);
    expect(() => Object.assign(principal, { expiresAt: new Date(0) })).toThrow(TypeError);
    expect(() => Object.assign(principal, { isAdmin: true })).toThrow(TypeError);
  });

  it('has a text of its expiry, made once for all tokens that expire at that time', () => {
    const toISOString = vi.spyOn(Date.prototype, 'toISOString');
    const texts = [expired(EXP), expired(EXP), expired(EXP + 1)].map(expiryText);
    expect(toISOString).toHaveBeenCalledTimes(2);
    toISOString.mockRestore();
    const [one, next] = [EXP, EXP + 1].map((exp) => new Date(exp * 1000).toISOString());
    expect(texts).toEqual([one, one, next]);
    // More than are kept.
    for (let exp = 0; exp < 10_000; exp++) expect(Date.parse(expiryText(expired(exp)))).toBe(exp * 1000);
  });

  it.each<[string, object, number]>([
    ['', {}, 1.1],
    [' that has roles', { roles: ['admin', 'editor-of-everything'], rv: 3 }, 1.3],
    [
      ' that has claims',
      {
        plan: 'pro',
        tenants: [
          { id: 1, name: 'a' },
          { id: 2, name: 'b' },
        ],
      },
      3,
    ],
    [' whose claims are small objects', { a: Array.from({ length: 200 }, () => ({})) }, 2],
  ])('takes no more memory than the cache estimates%s', (name, more, factor) => {
    // Enough tokens that the rest of the heap does not matter.
    const count = name === '' ? 250_000 : 10_000;
    const cache = new VerifiedTokenCache<TokenPrincipal>(count * 40_000, extraBytesOf);
    const before = heapInUse();
    for (let index = 0; index < count; index++) {
      const { token, claims } = received(more);
      const validity = { validFrom: EXP - 930, validUntil: EXP + 30 };
      const principal = new TokenPrincipal(claims, claims.email ?? '', KEY);
      cache.addToken(token, { claims, key: KEY, ...validity }, principal, EXP);
    }
    const bytes = (heapInUse() - before) / count;
    expect(cache.cacheSize().tokens).toBe(count);
    const estimated = cache.cacheSize().bytes / count;
    if (name === '') expect(bytes).toBeLessThan(1024);
    expect(estimated).toBeGreaterThan(bytes);
    expect(estimated).toBeLessThan(bytes * factor);
  });
});
