import { createHmac, createSecretKey, generateKeyPairSync, randomBytes, randomUUID } from 'node:crypto';
import { SignJWT } from 'jose';
import { describe, expect, it, vi } from 'vitest';
import { TokenError } from './token-error.js';
import { createVerifier, type Verifier } from './verifier.js';
import type { VerificationKey } from './verification-key.js';

const issuer = 'https://accounts.example';
const audience = 'https://api.example';
const now = 1_800_000_000;
const tolerance = 30;
const secret = createSecretKey(randomBytes(32));
const header = { alg: 'HS256', typ: 'at+jwt', kid: 'shared' };

function claims(changes: Record<string, unknown> = {}): Record<string, unknown> {
  const ids = { sub: randomUUID(), sid: randomUUID(), jti: randomUUID() };
  return { iss: issuer, aud: audience, exp: now + 900, iat: now, client_id: 'gatehouse', ...ids, ...changes };
}

function sign(headerText: string | Buffer, claimsText: string | Buffer): string {
  const input = `${Buffer.from(headerText).toString('base64url')}.${Buffer.from(claimsText).toString('base64url')}`;
  return `${input}.${createHmac('sha256', secret).update(input).digest('base64url')}`;
}

function token(claimChanges?: Record<string, unknown>, headerChanges?: Record<string, unknown>): string {
  return sign(JSON.stringify({ ...header, ...headerChanges }), JSON.stringify(claims(claimChanges)));
}

function verifierAt(seconds: number, ...keys: VerificationKey[]): Verifier {
  const verifier = createVerifier({
    issuer,
    audience,
    clockToleranceSeconds: tolerance,
    maxLifetimeSeconds: 3600,
    now: () => seconds * 1000,
  });
  verifier.replaceKeys(keys.length > 0 ? keys : [{ kid: 'shared', alg: 'HS256', key: secret }]);
  return verifier;
}

/** The code of the TokenError, or undefined. An error that is thrown fails the test. */
function errorCodeOf(text: string, verifier = verifierAt(now)): string | undefined {
  const outcome = verifier.verifyToken(text);
  return outcome instanceof TokenError ? outcome.code : undefined;
}

const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const pairs = { ES256: ec, RS256: rsa, HS256: { privateKey: secret, publicKey: secret } };

describe('a token with the right claims', () => {
  it.each(['ES256', 'RS256', 'HS256'] as const)('passes when signed by jose with %s', async (alg) => {
    const expected = claims({ email: 'someone@example.com' });
    const signer = new SignJWT(expected).setProtectedHeader({ alg, kid: 'k', typ: 'at+jwt' });
    const verifier = verifierAt(now, { kid: 'k', alg, key: pairs[alg].publicKey });
    const text = await signer.sign(pairs[alg].privateKey);
    expect(verifier.verifyToken(text)).toMatchObject({ claims: expected });
    expect(verifier.verifyToken(text)).toMatchObject({ claims: expected });
  });

  it.each([
    ['the audience as a string', audience],
    ['a list of one', [audience]],
    ['a list that includes it', ['https://other.example', audience]],
  ])('passes with %s as aud', (_, aud) => {
    expect(errorCodeOf(token({ aud }))).toBeUndefined();
  });

  it('passes with the long form of its type and with unknown members', () => {
    expect(errorCodeOf(token({ roles: ['a'] }, { typ: 'application/at+jwt', x5t: 'hint' }))).toBeUndefined();
  });
});

describe('time', () => {
  const cases: [string, Record<string, unknown>, number, string | undefined][] = [
    ['is in time a millisecond before exp + tolerance', { exp: now }, now + tolerance - 0.001, undefined],
    ['is expired at exp + tolerance', { exp: now }, now + tolerance, 'expired'],
    ['may expire 3600 s + tolerance in the future', { exp: now + 3600 + tolerance }, now, undefined],
    ['may not expire later than that', { exp: now + 3600 + tolerance + 1 }, now, 'claims'],
    ['is valid at nbf - tolerance', { nbf: now + tolerance }, now, undefined],
    ['is not yet valid before it', { nbf: now + tolerance + 1 }, now, 'not_yet_valid'],
    ['may be issued as far in the future as the tolerance', { iat: now + tolerance }, now, undefined],
    ['may not be issued later than that', { iat: now + tolerance + 1 }, now, 'not_yet_valid'],
    ['may use fractions of a second', { exp: now + 0.5, iat: now - 0.5 }, now, undefined],
  ];
  it.each(cases)('a token %s', (_, changes, at, expected) => {
    expect(errorCodeOf(token(changes), verifierAt(at))).toBe(expected);
  });

  it('is checked again for a token that was valid before', () => {
    let seconds = now;
    const options = { issuer, audience, clockToleranceSeconds: 0, maxLifetimeSeconds: 3600 };
    const verifier = createVerifier({ ...options, now: () => seconds * 1000 });
    verifier.replaceKeys([{ kid: 'shared', alg: 'HS256', key: secret }]);
    const text = token();
    expect(errorCodeOf(text, verifier)).toBeUndefined();
    seconds += 900;
    expect(errorCodeOf(text, verifier)).toBe('expired');
  });

  it.each([-1, 61, Number.NaN])('must not have a tolerance of %d seconds', (clockToleranceSeconds) => {
    const options = { issuer, audience, maxLifetimeSeconds: 3600 };
    expect(() => createVerifier({ ...options, clockToleranceSeconds })).toThrow(RangeError);
  });
});

describe('keys', () => {
  it('are all replaced at once', () => {
    const verifier = verifierAt(now);
    const text = token();
    expect(errorCodeOf(text, verifier)).toBeUndefined();
    verifier.replaceKeys([{ kid: 'other', alg: 'HS256', key: secret }]);
    expect(errorCodeOf(text, verifier)).toBe('unknown_key');
    verifier.replaceKeys([{ kid: 'shared', alg: 'HS256', key: createSecretKey(randomBytes(32)) }]);
    expect(errorCodeOf(text, verifier)).toBe('signature');
  });

  it('stay when their replacement throws', () => {
    const verifier = verifierAt(now);
    const twice = { kid: 'other', alg: 'HS256', key: secret } as const;
    expect(() => verifier.replaceKeys([twice, twice])).toThrow(TypeError);
    expect(errorCodeOf(token(), verifier)).toBeUndefined();
  });

  it('are empty at first', () => {
    const options = { issuer, audience, clockToleranceSeconds: 0, maxLifetimeSeconds: 3600 };
    expect(errorCodeOf(token(), createVerifier(options))).toBe('unknown_key');
  });
});

describe('verification on the thread pool', () => {
  it.each([
    ['ES256', true],
    ['ES256', false],
    ['RS256', true],
  ] as const)('accepts and refuses like verification in place (%s, offloaded: %s)', async (alg, isOffloaded) => {
    const verifier = verifierAt(now, { kid: 'k', alg, key: pairs[alg].publicKey });
    const text = await new SignJWT(claims())
      .setProtectedHeader({ alg, kid: 'k', typ: 'at+jwt' })
      .sign(pairs[alg].privateKey);
    const forged = `${text.slice(0, -8)}AAAAAAAA`;
    const decide = vi.fn(() => isOffloaded);
    const [good, bad] = [verifier.verifyTokenOffThread(text, decide), verifier.verifyTokenOffThread(forged, decide)];
    expect([good instanceof Promise, bad instanceof Promise]).toEqual([isOffloaded, isOffloaded]);
    expect(await good).toEqual(verifier.verifyToken(text));
    expect(await bad).toMatchObject({ code: 'signature' });
    expect(decide).toHaveBeenCalledTimes(2);
  });

  it('is not asked for where no signature is to be verified, nor for HS256', () => {
    const decide = vi.fn(() => true);
    const verifier = verifierAt(now);
    for (const text of ['garbage', token({}, { kid: 'unknown' }), token()])
      expect(verifier.verifyTokenOffThread(text, decide)).toEqual(verifier.verifyToken(text));
    expect(decide).not.toHaveBeenCalled();
  });
});
