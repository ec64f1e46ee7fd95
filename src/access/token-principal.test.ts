import { createSecretKey, randomBytes, randomUUID } from 'node:crypto';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import type { AccessTokenClaims } from '../verifier/access-token-claims.js';
import { VerifiedTokenCache } from '../verifier/verified-token-cache.js';
import { prepareVerificationKey } from '../verifier/verification-key.js';
import { TokenPrincipal } from './token-principal.js';

const EXP = 1_800_000_900;

function newClaims(): AccessTokenClaims {
  const ids = {
    sub: randomUUID(),
    sid: randomUUID(),
    jti: randomUUID(),
    email: `${randomUUID().slice(-8)}@example.com`,
  };
  const issuer = 'http://127.0.0.1:3000';
  return { iss: issuer, aud: issuer, client_id: 'gatehouse', iat: EXP - 900, exp: EXP, ...ids };
}

/** The texts and the claims as a request brings them: no string of them shared with another. */
function received(): { token: string; claims: AccessTokenClaims } {
  const text = JSON.stringify(newClaims());
  const parts = [randomBytes(82), Buffer.from(text), randomBytes(64)].map((part) => part.toString('base64url'));
  const authorization = Buffer.from(`Bearer ${parts.join('.')}`, 'latin1').toString('latin1');
  return { token: authorization.slice(7), claims: JSON.parse(text) as AccessTokenClaims };
}

/** Bytes in use after everything unreachable is gone. */
function heapInUse(): number {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
  return process.memoryUsage().heapUsed;
}

describe('the principal of a token', () => {
  it('is what the token says, also copied and as JSON', () => {
    const claims = newClaims();
    const { sub, sid, jti, email = '' } = claims;
    const principal = new TokenPrincipal(claims, email);
    const expiresAt = new Date(EXP * 1000);
    const said = { userId: sub, email, sessionId: sid, tokenId: jti, clientId: 'gatehouse', expiresAt };
    expect(Object.assign({}, principal)).toEqual(said);
    expect(JSON.parse(JSON.stringify(principal))).toEqual({ ...said, expiresAt: expiresAt.toISOString() });
  });

  it('stays so whatever a handler does to it, for the next request gets the same', () => {
    const principal = new TokenPrincipal(newClaims(), 'someone@example.com');
    principal.expiresAt.setTime(0);
    expect(principal.expiresAt).toEqual(new Date(EXP * 1000));
    expect(() => Object.assign(principal, { userId: 'another' })).toThrow(TypeError);
    expect(() => Object.assign(principal, { expiresAt: new Date(0) })).toThrow(TypeError);
    expect(() => Object.assign(principal, { isAdmin: true })).toThrow(TypeError);
  });

  it('takes with its token a kilobyte at most, and no more than the cache reckons', () => {
    // So many that what else the process keeps is not to be seen in it.
    const count = 100_000;
    const cache = new VerifiedTokenCache<TokenPrincipal>(count * 2000);
    const key = prepareVerificationKey({ kid: 'k', alg: 'HS256', key: createSecretKey(randomBytes(32)) });
    const before = heapInUse();
    for (let index = 0; index < count; index++) {
      const { token, claims } = received();
      const validity = { validFrom: EXP - 930, validUntil: EXP + 30 };
      cache.addToken(token, { claims, key, ...validity }, new TokenPrincipal(claims, claims.email ?? ''));
    }
    const bytes = (heapInUse() - before) / count;
    expect(cache.stats().tokens).toBe(count);
    const reckoned = cache.stats().bytes / count;
    expect(bytes).toBeLessThan(1024);
    expect(reckoned).toBeGreaterThan(bytes);
    expect(reckoned).toBeLessThan(bytes * 1.1);
  });
});
