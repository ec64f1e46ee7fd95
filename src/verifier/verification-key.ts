import { createHmac, timingSafeEqual, verify, type KeyObject } from 'node:crypto';
import { promisify } from 'node:util';

export type SignatureAlgorithm = 'ES256' | 'RS256' | 'HS256';

/** A key trusted to sign access tokens, and the only algorithm it is used with (RFC 8725 section 3.1). */
export interface VerificationKey {
  readonly kid: string;
  readonly alg: SignatureAlgorithm;
  /** A public key for ES256 (P-256) and RS256 (2048 bits or more), a secret of 32 bytes or more for HS256. */
  readonly key: KeyObject;
}

/** A key bound to its algorithm, so that nothing in a token decides how it is used. */
export interface PreparedKey {
  readonly kid: string;
  readonly alg: SignatureAlgorithm;
  readonly verifySignature: (signingInput: string, signature: Buffer) => boolean;
  /** {@link verifySignature} on libuv's thread pool; undefined for HS256, which is faster on the calling thread. */
  readonly verifySignatureOffThread: ((signingInput: string, signature: Buffer) => Promise<boolean>) | undefined;
  /** False once the verifier no longer has the key. Check it before accepting again a token that the key verified. */
  isTrusted: boolean;
  readonly key: KeyObject;
}

/** @throws TypeError when the kid is empty or the key does not fit its algorithm */
export function prepareVerificationKey({ kid, alg, key }: VerificationKey): PreparedKey {
  if (kid === '') throw new TypeError('A verification key needs a kid');
  const { fits, verifier, verifierOffThread } = algorithms[alg];
  if (!fits(key)) throw new TypeError(`The key ${kid} does not fit ${alg}`);
  return {
    kid,
    alg,
    key,
    verifySignature: verifier(key),
    verifySignatureOffThread: verifierOffThread?.(key),
    isTrusted: true,
  };
}

interface Algorithm {
  readonly fits: (key: KeyObject) => boolean;
  readonly verifier: (key: KeyObject) => PreparedKey['verifySignature'];
  readonly verifierOffThread?: (key: KeyObject) => PreparedKey['verifySignatureOffThread'];
}

const algorithms: Readonly<Record<SignatureAlgorithm, Algorithm>> = {
  ES256: { fits: isP256PublicKey, verifier: ecdsa, verifierOffThread: ecdsaOffThread },
  RS256: { fits: isRsaPublicKey, verifier: rsa, verifierOffThread: rsaOffThread },
  HS256: { fits: isHmacSecret, verifier: hmac },
};

const verifyAsync = promisify(verify);

function isP256PublicKey(key: KeyObject): boolean {
  return key.type === 'public' && key.asymmetricKeyDetails?.namedCurve === 'prime256v1';
}

/** RFC 7518 section 3.3: at least 2048 bits. An RSA-PSS key has another type. */
function isRsaPublicKey(key: KeyObject): boolean {
  const bits = key.asymmetricKeyDetails?.modulusLength ?? 0;
  return key.type === 'public' && key.asymmetricKeyType === 'rsa' && bits >= 2048;
}

/** RFC 7518 section 3.2: at least as large as the hash's output. */
function isHmacSecret(key: KeyObject): boolean {
  return key.type === 'secret' && (key.symmetricKeySize ?? 0) >= 32;
}

function ecdsa(key: KeyObject): PreparedKey['verifySignature'] {
  const options = { key, dsaEncoding: 'ieee-p1363' } as const;
  return (signingInput, signature) =>
    signature.length === 64 && // RFC 7518 section 3.4
    verify('sha256', Buffer.from(signingInput, 'latin1'), options, signature);
}

function ecdsaOffThread(key: KeyObject): PreparedKey['verifySignatureOffThread'] {
  const options = { key, dsaEncoding: 'ieee-p1363' } as const;
  return async (signingInput, signature) =>
    signature.length === 64 && verifyAsync('sha256', Buffer.from(signingInput, 'latin1'), options, signature);
}

function rsa(key: KeyObject): PreparedKey['verifySignature'] {
  return (signingInput, signature) => verify('sha256', Buffer.from(signingInput, 'latin1'), key, signature);
}

function rsaOffThread(key: KeyObject): PreparedKey['verifySignatureOffThread'] {
  return (signingInput, signature) => verifyAsync('sha256', Buffer.from(signingInput, 'latin1'), key, signature);
}

function hmac(key: KeyObject): PreparedKey['verifySignature'] {
  return (signingInput, signature) =>
    signature.length === 32 &&
    timingSafeEqual(createHmac('sha256', key).update(signingInput, 'latin1').digest(), signature);
}
