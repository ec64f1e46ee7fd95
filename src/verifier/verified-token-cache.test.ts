import { createSecretKey, randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { VerifiedTokenCache } from './verified-token-cache.js';
import { prepareVerificationKey, type PreparedKey } from './verification-key.js';
import type { VerifiedToken } from './verifier.js';

const now = 1_800_000_000;
const MEBIBYTE = 2 ** 20;

const newKey = (): PreparedKey =>
  prepareVerificationKey({ kid: 'k', alg: 'HS256', key: createSecretKey(randomBytes(32)) });

function verified(changes: Partial<VerifiedToken> = {}): VerifiedToken {
  const claims = { iss: '', sub: '', aud: '', exp: now, iat: now, jti: '', client_id: '', sid: '' };
  return { claims, key: newKey(), validFrom: now - 30, validUntil: now + 900, ...changes };
}

/** As long as an access token of this service, and as random at its end. */
function newToken(): string {
  return `${'h'.repeat(110)}.${randomBytes(250).toString('base64url')}.${randomBytes(64).toString('base64url')}`;
}

/** Texts with the same end, and so the same hash. */
function tokenOfSameHash(index: number): string {
  return `${index}.same end of all`;
}

function countCached(cache: VerifiedTokenCache<string>, tokens: readonly string[]): number {
  return tokens.filter((token) => cache.findToken(token, now) !== undefined).length;
}

describe('a cache of verified tokens', () => {
  it('finds a token by its whole text, not by its end', () => {
    const cache = new VerifiedTokenCache<string>(MEBIBYTE);
    const token = newToken();
    cache.addToken(token, verified(), 'someone', now);
    expect(cache.findToken(token, now)).toBe('someone');
    for (let at = 0; at < token.length; at++) {
      const other = `${token.slice(0, at)}${token[at] === 'A' ? 'B' : 'A'}${token.slice(at + 1)}`;
      expect(cache.findToken(other, now)).toBeUndefined();
    }
    for (const other of ['', token.slice(1), token.slice(0, -1), `${token} `, `${token}.`]) {
      expect(cache.findToken(other, now)).toBeUndefined();
    }
  });

  it('keeps tokens of the same hash side by side and removes each alone', () => {
    const cache = new VerifiedTokenCache<number>(MEBIBYTE);
    const keys = [newKey(), newKey(), newKey()];
    for (const [index, key] of keys.entries()) cache.addToken(tokenOfSameHash(index), verified({ key }), index, now);
    const found = (): (number | undefined)[] => keys.map((_key, index) => cache.findToken(tokenOfSameHash(index), now));
    expect(found()).toEqual([0, 1, 2]);
    for (const gone of [1, 2, 0]) {
      const key = keys[gone];
      if (key) key.isTrusted = false;
      expect(found()).toEqual(keys.map(({ isTrusted }, index) => (isTrusted ? index : undefined)));
    }
    expect(cache.cacheSize()).toEqual({ tokens: 0, bytes: 0 });
  });

  it('checks the time at every hit and removes an expired token', () => {
    const cache = new VerifiedTokenCache<string>(MEBIBYTE);
    const token = newToken();
    cache.addToken(token, verified({ validFrom: now, validUntil: now + 900 }), 'someone', now);
    expect(cache.findToken(token, now - 0.001)).toBeUndefined();
    expect(cache.findToken(token, now)).toBe('someone');
    expect(cache.findToken(token, now + 899.999)).toBe('someone');
    expect(cache.cacheSize().tokens).toBe(1);
    expect(cache.findToken(token, now + 900)).toBeUndefined();
    expect(cache.cacheSize()).toEqual({ tokens: 0, bytes: 0 });
  });

  it('checks at every hit that the key is trusted', () => {
    const cache = new VerifiedTokenCache<string>(MEBIBYTE);
    const [token, key] = [newToken(), newKey()];
    cache.addToken(token, verified({ key }), 'someone', now);
    expect(cache.findToken(token, now)).toBe('someone');
    key.isTrusted = false;
    expect(cache.findToken(token, now)).toBeUndefined();
  });

  it('forgets tokens that expired unseen, so that it holds few more than the live ones', () => {
    const [cache, lifetime] = [new VerifiedTokenCache<string>(MEBIBYTE * 100), 100];
    const sizes: number[] = [];
    for (let second = 0; second < 20 * lifetime; second++) {
      const times = { validFrom: now + second, validUntil: now + second + lifetime };
      cache.addToken(newToken(), verified(times), 'someone', now + second);
      sizes.push(cache.cacheSize().tokens);
    }
    expect(Math.max(...sizes)).toBeLessThan(1.5 * lifetime);
    expect(Math.min(...sizes.slice(lifetime))).toBeGreaterThanOrEqual(lifetime);
    expect(cache.cacheSize().bytes).toBeLessThan(1.5 * lifetime * 1000);
  });

  it('of 0 bytes is always empty', () => {
    const cache = new VerifiedTokenCache<string>(0);
    const token = newToken();
    cache.addToken(token, verified(), 'someone', now);
    expect(cache.findToken(token, now)).toBeUndefined();
    expect(cache.cacheSize()).toEqual({ tokens: 0, bytes: 0 });
  });

  it('that is full evicts a random token, so that a rotation of twice as many tokens still gets hits', () => {
    const cache = new VerifiedTokenCache<string>(MEBIBYTE);
    const fitting = Math.floor(MEBIBYTE / 1000);
    const tokens = Array.from({ length: 2 * fitting }, newToken);
    let [asked, hits] = [0, 0];
    for (let round = 0; round < 10; round++) {
      for (const token of tokens) {
        const isHit = cache.findToken(token, now) !== undefined;
        if (!isHit) cache.addToken(token, verified(), 'someone', now);
        if (round >= 5) [asked, hits] = [asked + 1, hits + Number(isHit)];
      }
    }
    expect(cache.cacheSize().bytes).toBeLessThanOrEqual(MEBIBYTE);
    expect(cache.cacheSize().tokens).toBeGreaterThan(fitting * 0.9);
    expect(hits / asked).toBeGreaterThan(0.15);
    expect(countCached(cache, tokens)).toBe(cache.cacheSize().tokens);
  });
});
