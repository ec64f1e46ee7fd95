import { createHmac, timingSafeEqual, verify, type KeyObject } from 'node:crypto';
import { promisify } from 'node:util';

export type SignatureAlgorithm = 'ES256' | 'RS256' | 'HS256';

/** A key that is trusted to sign access tokens, and the one algorithm it is used with (RFC 8725 section 3.1). */
export interface VerificationKey {
  readonly kid: string;
  readonly alg: SignatureAlgorithm;
  /** A public key for ES256 (P-256) and RS256 (2048 bits or more), a secret of 32 bytes or more for HS256. */
  readonly key: KeyObject;
}

/** A key bound to its algorithm, so that nothing in a token chooses how it is used. */
export interface PreparedKey {
  readonly kid: string;
  readonly alg: SignatureAlgorithm;
  readonly verifySignature: (signingInput: string, signature: Buffer) => boolean;
  /** The same on libuv's pool, where that is worth the way. */
  readonly verifySignatureOffThread: ((signingInput: string, signature: Buffer) => Promise<boolean>) | undefined;
  /** False from the moment on at which it is no longer one of the verifier's; to be asked of what it verified before. */
  isTrusted: boolean;
  readonly key: KeyObject;
}

/** @throws TypeError when the kid is empty or the key does not fit its algorithm */
export function prepareVerificationKey({ kid, alg, key }: VerificationKey): PreparedKey {
  if (kid === '') throw new TypeError('A verification key needs a kid');
  const { fits, verifies, verifiesLater } = algorithms[alg];
  if (!fits(key)) throw new TypeError(`The key ${kid} does not fit ${alg}`);
  return {
    kid,
    alg,
    key,
    verifySignature: verifies(key),
    verifySignatureOffThread: verifiesLater?.(key),
    isTrusted: true,
  };
}

interface Algorithm {
  readonly fits: (key: KeyObject) => boolean;
  readonly verifies: (key: KeyObject) => PreparedKey['verifySignature'];
  readonly verifiesLater?: (key: KeyObject) => PreparedKey['verifySignatureOffThread'];
}

const algorithms: Readonly<Record<SignatureAlgorithm, Algorithm>> = {
  ES256: { fits: isP256PublicKey, verifies: ecdsa, verifiesLater: ecdsaLater },
  RS256: { fits: isRsaPublicKey, verifies: rsa, verifiesLater: rsaLater },
  HS256: { fits: isHmacSecret, verifies: hmac },
};

const verifyLater = promisify(verify);

function isP256PublicKey(key: KeyObject): boolean {
  return key.type === 'public' && key.asymmetricKeyDetails?.namedCurve === 'prime256v1';
}

/** RFC 7518 section 3.3: 2048 bits or larger. An RSA-PSS key is of another type. */
function isRsaPublicKey(key: KeyObject): boolean {
  const bits = key.asymmetricKeyDetails?.modulusLength ?? 0;
  return key.type === 'public' && key.asymmetricKeyType === 'rsa' && bits >= 2048;
}

/** RFC 7518 section 3.2: as large as the hash's output, or larger. */
function isHmacSecret(key: KeyObject): boolean {
  return key.type === 'secret' && (key.symmetricKeySize ?? 0) >= 32;
}

function ecdsa(key: KeyObject): PreparedKey['verifySignature'] {
  const options = { key, dsaEncoding: 'ieee-p1363' } as const;
  return (signingInput, signature) =>
    signature.length === 64 && // RFC 7518 section 3.4
    verify('sha256', Buffer.from(signingInput, 'latin1'), options, signature);
}

function ecdsaLater(key: KeyObject): PreparedKey['verifySignatureOffThread'] {
  const options = { key, dsaEncoding: 'ieee-p1363' } as const;
  return async (signingInput, signature) =>
    signature.length === 64 && verifyLater('sha256', Buffer.from(signingInput, 'latin1'), options, signature);
}

function rsa(key: KeyObject): PreparedKey['verifySignature'] {
  return (signingInput, signature) => verify('sha256', Buffer.from(signingInput, 'latin1'), key, signature);
}

function rsaLater(key: KeyObject): PreparedKey['verifySignatureOffThread'] {
  return (signingInput, signature) => verifyLater('sha256', Buffer.from(signingInput, 'latin1'), key, signature);
}

function hmac(key: KeyObject): PreparedKey['verifySignature'] {
  return (signingInput, signature) =>
    signature.length === 32 &&
    timingSafeEqual(createHmac('sha256', key).update(signingInput, 'latin1').digest(), signature);
}
