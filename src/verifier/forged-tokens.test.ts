import {
  createHmac,
  createSecretKey,
  generateKeyPairSync,
  randomBytes,
  randomUUID,
  sign,
  type KeyObject,
} from 'node:crypto';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TokenError } from './token-error.js';
import { createVerifier } from './verifier.js';
import type { SignatureAlgorithm } from './verification-key.js';

const issuer = 'https://accounts.example';
const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'.split('');
/** The order n of P-256 (SP 800-186 section 3.2.1.3). */
const P256_ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;

const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const secret = createSecretKey(randomBytes(32));
const algorithms = ['ES256', 'RS256', 'HS256'] as const;

const limits = { clockToleranceSeconds: 30, maxLifetimeSeconds: 3600 };
const verifier = createVerifier({ issuer: issuer, audience: issuer, ...limits });
verifier.replaceKeys([
  { kid: 'ES256', alg: 'ES256', key: ec.publicKey },
  { kid: 'RS256', alg: 'RS256', key: rsa.publicKey },
  { kid: 'HS256', alg: 'HS256', key: secret },
]);

const ids = { sub: randomUUID(), sid: randomUUID(), jti: randomUUID() };
const iat = Math.floor(Date.now() / 1000);
const claims = { iss: issuer, aud: issuer, exp: iat + 900, iat, client_id: 'gatehouse', ...ids };
const claimsText = JSON.stringify(claims);

function encode(text: string | Buffer): string {
  return Buffer.from(text).toString('base64url');
}

function signature(alg: SignatureAlgorithm, input: string): Buffer {
  if (alg === 'HS256') return createHmac('sha256', secret).update(input).digest();
  if (alg === 'RS256') return sign('sha256', Buffer.from(input), rsa.privateKey);
  return sign('sha256', Buffer.from(input), { key: ec.privateKey, dsaEncoding: 'ieee-p1363' });
}

/** A token with this header and payload, signed by a trusted key. */
function signed(alg: SignatureAlgorithm, header: string, payload: string): string {
  const input = `${encode(header)}.${encode(payload)}`;
  return `${input}.${encode(signature(alg, input))}`;
}

function headerText(alg: string, kid: string): string {
  return JSON.stringify({ alg, kid, typ: 'at+jwt' });
}

function good(alg: SignatureAlgorithm): string {
  return signed(alg, headerText(alg, alg), claimsText);
}

function unsigned(token: string): string {
  return token.slice(0, token.lastIndexOf('.'));
}

/** The code of the TokenError, or undefined. An error that is thrown fails the test. */
function errorCodeOf(text: string): string | undefined {
  const outcome = verifier.verifyToken(text);
  return outcome instanceof TokenError ? outcome.code : undefined;
}

describe('a forged token', () => {
  it.each(algorithms)('without a signature is refused (%s, TOK-01)', (alg) => {
    expect(errorCodeOf(good(alg))).toBeUndefined();
    expect(errorCodeOf(`${unsigned(good(alg))}.`)).toBe('signature');
    expect(errorCodeOf(unsigned(good(alg)))).toBe('malformed');
    for (const none of ['none', 'None', 'NONE', 'nOnE']) {
      const input = `${encode(headerText(none, alg))}.${encode(claimsText)}`;
      expect(errorCodeOf(`${input}.`)).toBe('header');
      expect(errorCodeOf(`${input}.${encode(signature(alg, input))}`)).toBe('header');
    }
  });

  it.each([
    ['ES256', ec.publicKey],
    ['RS256', rsa.publicKey],
  ] as const)('with the public key of %s as HMAC secret is refused (TOK-02)', (kid, key) => {
    for (const material of publicTexts(key)) {
      for (const alg of ['HS256', kid]) {
        const input = `${encode(headerText(alg, kid))}.${encode(claimsText)}`;
        const mac = createHmac('sha256', material).update(input).digest();
        expect(errorCodeOf(`${input}.${encode(mac)}`)).toBe(alg === 'HS256' ? 'header' : 'signature');
      }
    }
  });

  it('under the kid of another key is refused (TOK-08)', () => {
    for (const alg of algorithms) {
      for (const kid of algorithms.filter((other) => other !== alg)) {
        expect(errorCodeOf(signed(alg, headerText(alg, kid), claimsText))).toBe('header');
        expect(errorCodeOf(signed(alg, headerText(kid, kid), claimsText))).toBe('signature');
      }
    }
  });

  it('that brings its own key is refused (TOK-03)', () => {
    const stranger = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const jwk = stranger.publicKey.export({ format: 'jwk' });
    for (const kid of ['ES256', 'mine']) {
      const header = JSON.stringify({ alg: 'ES256', kid, typ: 'at+jwt', jwk });
      const input = `${encode(header)}.${encode(claimsText)}`;
      const forged = sign('sha256', Buffer.from(input), { key: stranger.privateKey, dsaEncoding: 'ieee-p1363' });
      expect(errorCodeOf(`${input}.${encode(forged)}`)).toBe('header');
    }
  });

  it('with a signature of the wrong format or size is refused (RFC 7518 section 3.4)', () => {
    const input = unsigned(good('ES256'));
    expect(errorCodeOf(`${input}.${encode(sign('sha256', Buffer.from(input), ec.privateKey))}`)).toBe('signature');
    for (const [alg, size] of [
      ['ES256', 64],
      ['RS256', 256],
      ['HS256', 32],
    ] as const) {
      for (const bytes of [Buffer.alloc(size), Buffer.alloc(size, 0xff), Buffer.alloc(size - 1), Buffer.alloc(1)]) {
        expect(errorCodeOf(`${unsigned(good(alg))}.${encode(bytes)}`)).toBe('signature');
      }
    }
  });

  it('with ambiguous JSON is refused although it is correctly signed (TOK-14)', () => {
    const twice = `${claimsText.slice(0, -1)},"sub":"${randomUUID()}"}`;
    const escaped = `${claimsText.slice(0, -1)},"s\\u0075b":"${randomUUID()}"}`;
    const endless = claimsText.replace(/"exp":\d+/, '"exp":1e999');
    for (const payload of [twice, escaped, endless, `[${claimsText}]`, 'null', '']) {
      expect(errorCodeOf(signed('ES256', headerText('ES256', 'ES256'), payload))).toBe('claims');
    }
    const header = `${headerText('none', 'ES256').slice(0, -1)},"\\u0061lg":"ES256"}`;
    expect(errorCodeOf(signed('ES256', header, claimsText))).toBe('header');
  });

  it('that is random garbage is refused with a TokenError', () => {
    const part = fc.oneof(fc.string({ unit: 'binary' }), fc.base64String(), fc.json().map(encode));
    const garbage = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 300 }),
      fc.tuple(part, part, part).map((parts) => parts.join('.')),
      fc.json().map((json) => signed('HS256', headerText('HS256', 'HS256'), json)),
      fc.json().map((json) => signed('HS256', json, claimsText)),
    );
    const isRefused = fc.property(garbage, (text) => errorCodeOf(text) !== undefined);
    fc.assert(isRefused, { numRuns: 10_000 });
  }, 30_000);
});

describe('the text of a token', () => {
  it.each(algorithms)('is refused when any character is changed (%s, TOK-04)', (alg) => {
    const text = good(alg);
    expect(errorCodeOf(text)).toBeUndefined();
    for (let at = 0; at < text.length; at++) {
      const next = ALPHABET[(ALPHABET.indexOf(text.charAt(at)) + 1) % 64] ?? '';
      const flipped = String.fromCharCode(text.charCodeAt(at) ^ 1);
      for (const other of [next, flipped, '', '.', '=', text.charAt(at) + text.charAt(at), '\u{1F511}']) {
        const changed = text.slice(0, at) + other + text.slice(at + 1);
        if (changed !== text) expect([at, other, errorCodeOf(changed)]).not.toEqual([at, other, undefined]);
      }
    }
  });

  it.each(algorithms)('is refused when any bit of its decoded parts is changed (%s, TOK-04)', (alg) => {
    const parts = good(alg).split('.');
    for (const [index, part] of parts.entries()) {
      const bytes = Buffer.from(part, 'base64url');
      for (let bit = 0; bit < bytes.length * 8; bit++) {
        const changed = Buffer.from(bytes);
        changed.writeUInt8(changed.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
        expect([index, bit, errorCodeOf(parts.with(index, encode(changed)).join('.'))]).not.toEqual([
          index,
          bit,
          undefined,
        ]);
      }
    }
  });

  it('has one encoding of its signature: the 15 others of ES256 are refused, as is padding (TOK-11)', () => {
    const text = good('ES256');
    const bytes = Buffer.from(text.slice(-86), 'base64url');
    const lasts = ALPHABET.filter((last) => Buffer.from(text.slice(-86, -1) + last, 'base64url').equals(bytes));
    expect(lasts).toHaveLength(16);
    const spellings = lasts.flatMap((last) => ['', '=', '==', '\n'].map((end) => text.slice(0, -1) + last + end));
    expect(spellings.filter((spelling) => errorCodeOf(spelling) === undefined)).toEqual([text]);
    expect(spellings.filter((spelling) => errorCodeOf(spelling) === 'malformed')).toHaveLength(63);
  });

  it('has an equally valid ES256 twin with the signature (r, n - s), so that nothing may be keyed on the text (TOK-09)', () => {
    const text = good('ES256');
    const bytes = Buffer.from(text.slice(-86), 'base64url');
    const s = P256_ORDER - BigInt(`0x${bytes.toString('hex', 32)}`);
    const twin = `${unsigned(text)}.${encode(Buffer.from(bytes.toString('hex', 0, 32) + hex64(s), 'hex'))}`;
    expect(twin).not.toBe(text);
    expect(verifier.verifyToken(twin)).toEqual(verifier.verifyToken(text));
    const spellings = ALPHABET.map((last) => twin.slice(0, -1) + last);
    expect(spellings.filter((spelling) => errorCodeOf(spelling) === undefined)).toEqual([twin]);
  });
});

function hex64(number: bigint): string {
  return number.toString(16).padStart(64, '0');
}

/** The texts that an attacker may use as the bytes of a public key. */
function publicTexts(key: KeyObject): (string | Buffer)[] {
  const pem = key.export({ type: 'spki', format: 'pem' });
  const jwk = key.export({ format: 'jwk' });
  return [pem, pem.trim(), key.export({ type: 'spki', format: 'der' }), JSON.stringify(jwk), jwk.x ?? jwk.n ?? ''];
}
