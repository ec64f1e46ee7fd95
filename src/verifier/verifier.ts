import {
  checkClaims,
  checkTimes,
  requireClockTolerance,
  validityPeriod,
  type AccessTokenClaims,
  type ExpectedClaims,
  type TimeLimits,
} from './access-token-claims.check.js';
import { decodeBase64url, parseJsonObject, splitCompactJws } from './compact-jws.js';
import { TokenError } from './token-error.js';
import { keyForHeader } from './token-header.check.js';
import { prepareVerificationKey, type PreparedKey, type VerificationKey } from './verification-key.js';

export interface VerifierOptions extends ExpectedClaims, TimeLimits {
  /** Milliseconds since 1970; the system's clock by default. */
  readonly now?: () => number;
}

/**
 * A valid access token, and the conditions for accepting it again: the key is still trusted, the time is
 * in range (seconds since 1970).
 */
export interface VerifiedToken {
  readonly claims: AccessTokenClaims;
  readonly key: PreparedKey;
  readonly validFrom: number;
  readonly validUntil: number;
}

export interface Verifier {
  /**
   * Verifies an access token (RFC 9068 section 4, RFC 7519 section 7.2) with the keys in memory. Caches no result.
   * @returns the error for a token that it refuses; see {@link TokenError}
   */
  verifyToken(token: string): VerifiedToken | TokenError;
  /**
   * {@link verifyToken} with the signature verified on libuv's thread pool if `isOffloaded` says so. It is asked once for
   * each token whose signature is to be verified, but not for HS256, which is faster on this thread.
   */
  verifyTokenOffThread(
    token: string,
    isOffloaded: () => boolean,
  ): Promise<VerifiedToken | TokenError> | VerifiedToken | TokenError;
  /**
   * Trusts these keys and no others from now on. If it throws, the former keys stay.
   * @throws {TypeError} when two keys share a kid or a key does not fit its algorithm
   */
  replaceKeys(keys: readonly VerificationKey[]): void;
}

/** Cached headers. An issuer with a handful of keys writes fewer. */
const MAX_CACHED_HEADERS = 32;

/**
 * Creates a verifier that trusts no key yet.
 * @throws {RangeError} when the clock tolerance is not from 0 to 60 seconds
 */
export function createVerifier(options: VerifierOptions): Verifier {
  const { now = Date.now } = options;
  requireClockTolerance(options);
  let keys = new TrustedKeys([]);
  const toVerifiedToken = (signed: SignedToken, isSignatureValid: boolean): VerifiedToken | TokenError => {
    const object = claimsOf(signed, isSignatureValid);
    if (object instanceof TokenError) return object;
    keys.cacheHeader(signed);
    const claims = checkClaims(object, options);
    if (claims instanceof TokenError) return claims;
    const untimely = checkTimes(claims, now() / 1000, options);
    return untimely ?? { claims, key: signed.key, ...validityPeriod(claims, options) };
  };
  const verifySigned = (signed: SignedToken): VerifiedToken | TokenError =>
    toVerifiedToken(signed, signed.key.verifySignature(signed.signingInput, signed.signature));
  return {
    verifyToken(token) {
      const signed = parseToken(token, keys);
      return signed instanceof TokenError ? signed : verifySigned(signed);
    },
    verifyTokenOffThread(token, isOffloaded) {
      const signed = parseToken(token, keys);
      if (signed instanceof TokenError) return signed;
      const { key, signingInput, signature } = signed;
      if (key.verifySignatureOffThread === undefined || !isOffloaded()) return verifySigned(signed);
      return key
        .verifySignatureOffThread(signingInput, signature)
        .then((isSignatureValid) => toVerifiedToken(signed, isSignatureValid));
    },
    replaceKeys(trusted) {
      keys = keys.replacedBy(trusted);
    },
  };
}

/** The decoded parts of a token, and the key that must have signed it. */
interface SignedToken {
  readonly header: string;
  readonly signingInput: string;
  readonly payload: Buffer;
  readonly signature: Buffer;
  readonly key: PreparedKey;
}

function parseToken(token: string, keys: TrustedKeys): SignedToken | TokenError {
  const parts = splitCompactJws(token);
  if (parts instanceof TokenError) return parts;
  const { header, signingInput } = parts;
  const key = keys.selectKey(header);
  if (key instanceof TokenError) return key;
  const payload = decodeBase64url(parts.payload);
  if (payload instanceof TokenError) return payload;
  const signature = decodeBase64url(parts.signature);
  if (signature instanceof TokenError) return signature;
  return { header, signingInput, key, payload, signature };
}

/** The claims, parsed only after the signature was verified (RFC 7515 section 5.2). */
function claimsOf({ key, payload }: SignedToken, isSignatureValid: boolean): Record<string, unknown> | TokenError {
  // The key may have been removed while the signature was verified on another thread.
  if (!key.isTrusted) return new TokenError('unknown_key', 'the key is no longer trusted');
  if (!isSignatureValid) return new TokenError('signature', 'the signature does not match');
  return parseJsonObject(payload, 'claims');
}

/** The keys by kid, and by the encoded header of tokens that were verified before. */
class TrustedKeys {
  readonly #byKid: ReadonlyMap<unknown, PreparedKey>;
  readonly #byHeader = new Map<string, PreparedKey>();
  /**
   * What the first encoded headers name, also of tokens that no key verified: 5 µs less for each forgery and each token of
   * a key that is no longer published (bench `refusals`). Who fills it with other headers takes away this and no more.
   */
  readonly #parsedHeaders = new Map<string, PreparedKey | TokenError>();

  constructor(keys: readonly PreparedKey[]) {
    this.#byKid = new Map(keys.map((key) => [key.kid, key]));
    if (this.#byKid.size !== keys.length) throw new TypeError('Two verification keys share a kid');
  }

  /** Keys that stay remain the same objects, so that tokens verified before remain valid. */
  replacedBy(keys: readonly VerificationKey[]): TrustedKeys {
    const successors = new TrustedKeys(keys.map((key) => this.#existingKey(key) ?? prepareVerificationKey(key)));
    for (const key of this.#byKid.values()) key.isTrusted = successors.#byKid.get(key.kid) === key;
    return successors;
  }

  #existingKey({ kid, alg, key }: VerificationKey): PreparedKey | undefined {
    const existing = this.#byKid.get(kid);
    return existing?.alg === alg && existing.key.equals(key) ? existing : undefined;
  }

  selectKey(header: string): PreparedKey | TokenError {
    return this.#byHeader.get(header) ?? this.#parsedHeaders.get(header) ?? this.#parseHeader(header);
  }

  #parseHeader(header: string): PreparedKey | TokenError {
    const bytes = decodeBase64url(header);
    const object = bytes instanceof TokenError ? bytes : parseJsonObject(bytes, 'header');
    const key = object instanceof TokenError ? object : keyForHeader(object, this.#byKid);
    if (this.#parsedHeaders.size < MAX_CACHED_HEADERS) this.#parsedHeaders.set(header, key);
    return key;
  }

  /** Call it only after the signature was verified, so that forged tokens cannot fill the map. */
  cacheHeader({ header, key }: SignedToken): void {
    if (this.#byHeader.size < MAX_CACHED_HEADERS) this.#byHeader.set(header, key);
  }
}
