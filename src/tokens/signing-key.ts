import {
  createHash,
  createPrivateKey,
  createPublicKey,
  createSecretKey,
  generateKeyPair,
  type webcrypto,
  type KeyObject,
} from 'node:crypto';
import { promisify } from 'node:util';
import type { Config } from '../config/config.js';
import { deriveKey } from '../secrets/derived-keys.js';

export type SigningAlg = Config['signingAlg'];

/** A key that can sign. `verificationKey` is its public key, or the same secret for HS256. */
export interface SigningKey {
  readonly kid: string;
  readonly alg: SigningAlg | 'HS256';
  readonly privateKey: KeyObject;
  readonly verificationKey: KeyObject;
}

/** RFC 7517 section 4: public members only. */
export interface PublicJwk extends webcrypto.JsonWebKey {
  readonly kid: string;
  readonly alg: string;
  readonly use: 'sig';
}

/** Runs on libuv's thread pool: an RSA key takes a tenth of a second or more. */
export async function generateSigningKey(alg: SigningAlg): Promise<SigningKey> {
  const { privateKey } = await (alg === 'ES256'
    ? promisify(generateKeyPair)('ec', { namedCurve: 'P-256' })
    : promisify(generateKeyPair)('rsa', { modulusLength: 2048 }));
  return toSigningKey(alg, privateKey);
}

export function importSigningKey(alg: SigningAlg, pkcs8: Buffer): SigningKey {
  return toSigningKey(alg, createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' }));
}

/**
 * The HS256 key of one value of `JWT_SECRET`. Its kid is derived by HKDF: testing a guess of the secret by its kid is
 * no cheaper than by a token's signature.
 */
export function sharedSigningKey(secret: string): SigningKey {
  const key = createSecretKey(Buffer.from(secret));
  const kid = deriveKey(secret, 'hs256 kid').subarray(0, 16).toString('base64url');
  return { kid, alg: 'HS256', privateKey: key, verificationKey: key };
}

export function publicJwk({ kid, alg, verificationKey }: SigningKey): PublicJwk {
  return { ...verificationKey.export({ format: 'jwk' }), kid, alg, use: 'sig' };
}

function toSigningKey(alg: SigningAlg, privateKey: KeyObject): SigningKey {
  const verificationKey = createPublicKey(privateKey);
  return { kid: thumbprint(verificationKey.export({ format: 'jwk' })), alg, privateKey, verificationKey };
}

/** RFC 7638 section 3: SHA-256 over the required members in lexicographic order. */
function thumbprint(jwk: webcrypto.JsonWebKey): string {
  const { crv, e, kty, n, x, y } = jwk;
  const members = kty === 'EC' ? { crv, kty, x, y } : { e, kty, n };
  return createHash('sha256').update(JSON.stringify(members)).digest('base64url');
}
