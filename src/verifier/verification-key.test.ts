import { createSecretKey, generateKeyPairSync, randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { prepareVerificationKey } from './verification-key.js';

const p256 = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const p384 = generateKeyPairSync('ec', { namedCurve: 'P-384' });
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const smallRsa = generateKeyPairSync('rsa', { modulusLength: 1024 });
const pss = generateKeyPairSync('rsa-pss', { modulusLength: 2048 });
const ed25519 = generateKeyPairSync('ed25519');
const secret = createSecretKey(randomBytes(32));
const shortSecret = createSecretKey(randomBytes(31));

const keys = {
  p256: p256.publicKey,
  'private p256': p256.privateKey,
  p384: p384.publicKey,
  rsa: rsa.publicKey,
  'private rsa': rsa.privateKey,
  'small rsa': smallRsa.publicKey,
  pss: pss.publicKey,
  ed25519: ed25519.publicKey,
  secret,
  'short secret': shortSecret,
};

describe('a verification key', () => {
  it.each([
    ['ES256', 'p256'],
    ['RS256', 'rsa'],
    ['HS256', 'secret'],
  ] as const)('serves %s when it is %s and nothing else', (alg, fitting) => {
    expect(prepareVerificationKey({ kid: 'k', alg, key: keys[fitting] })).toMatchObject({ kid: 'k', alg });
    for (const [name, key] of Object.entries(keys)) {
      if (name !== fitting) expect(() => prepareVerificationKey({ kid: 'k', alg, key }), name).toThrow(TypeError);
    }
  });

  it('must have a kid', () => {
    expect(() => prepareVerificationKey({ kid: '', alg: 'HS256', key: secret })).toThrow(TypeError);
  });
});
