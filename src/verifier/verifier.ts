import {
  checkClaims,
  checkTimes,
  validityPeriod,
  type AccessTokenClaims,
  type ExpectedClaims,
  type TimeLimits,
} from './access-token-claims.js';
import { decodeBase64url, parseJsonObject, splitCompactJws } from './compact-jws.js';
import { TokenError } from './token-error.js';
import { keyForHeader } from './token-header.js';
import { prepareVerificationKey, type PreparedKey, type VerificationKey } from './verification-key.js';

export interface VerifierOptions extends ExpectedClaims, TimeLimits {
  /** Milliseconds since 1970; the system's clock by default. */
  readonly now?: () => number;
}

/** An access token that holds, and what must still hold when it is accepted again. Times are seconds since 1970. */
export interface VerifiedToken {
  readonly claims: AccessTokenClaims;
  readonly key: PreparedKey;
  readonly validFrom: number;
  readonly validUntil: number;
}

export interface Verifier {
  /**
   * Decides from memory alone, anew each time, whether a text is one of our access tokens (RFC 9068 section 4, RFC 7519 section 7.2).
   * @throws {TokenError} and nothing else
   */
  verifyToken(token: string): VerifiedToken;
  /**
   * {@link verifyToken} with the signature checked off this thread, unless that takes no longer than the way there.
   * @throws {TokenError} and nothing else; at once for what no signature would save
   */
  verifyTokenOffThread(token: string): Promise<VerifiedToken> | VerifiedToken;
  /**
   * Trusts these keys and no others, from the next call on. When it throws, the former keys stay.
   * @throws {TypeError} when two keys share a kid or a key does not fit its algorithm
   */
  replaceKeys(keys: readonly VerificationKey[]): void;
}

/** RFC 7519 section 4.1.4: a few minutes at the very most; we promise no more than one. */
const MAX_CLOCK_TOLERANCE_SECONDS = 60;
/** More header texts than a signer with a handful of keys ever writes. */
const MAX_KNOWN_HEADERS = 32;

/**
 * Makes a verifier that trusts no key yet.
 * @throws {RangeError} when the tolerance is not from 0 to 60 seconds
 */
export function createVerifier(options: VerifierOptions): Verifier {
  const { now = Date.now, clockToleranceSeconds } = options;
  if (!(clockToleranceSeconds >= 0 && clockToleranceSeconds <= MAX_CLOCK_TOLERANCE_SECONDS)) {
    throw new RangeError(`The clock tolerance is not from 0 to ${MAX_CLOCK_TOLERANCE_SECONDS} seconds`);
  }
  let keys = new TrustedKeys([]);
  const conclude = (signed: SignedToken, isSigned: boolean): VerifiedToken => {
    const claims = claimsOf(signed, isSigned);
    keys.remember(signed);
    checkClaims(claims, options);
    checkTimes(claims, now() / 1000, options);
    return { claims, key: signed.key, ...validityPeriod(claims, options) };
  };
  const check = (signed: SignedToken): VerifiedToken =>
    conclude(signed, signed.key.verifySignature(signed.signingInput, signed.signature));
  return {
    verifyToken(token) {
      return check(open(token, keys));
    },
    verifyTokenOffThread(token) {
      const signed = open(token, keys);
      const { key, signingInput, signature } = signed;
      if (key.verifySignatureOffThread === undefined) return check(signed);
      return key.verifySignatureOffThread(signingInput, signature).then((isSigned) => conclude(signed, isSigned));
    },
    replaceKeys(trusted) {
      keys = keys.replacedBy(trusted);
    },
  };
}

/** A token taken apart, and the key that must have signed it. */
interface SignedToken {
  readonly header: string;
  readonly signingInput: string;
  readonly payload: Buffer;
  readonly signature: Buffer;
  readonly key: PreparedKey;
}

function open(token: string, keys: TrustedKeys): SignedToken {
  const { header, signingInput, payload, signature } = splitCompactJws(token);
  const key = keys.select(header);
  return { header, signingInput, key, payload: decodeBase64url(payload), signature: decodeBase64url(signature) };
}

/** RFC 7515 section 5.2: the claims, only once the signature over them holds. */
function claimsOf({ key, payload }: SignedToken, isSigned: boolean): Record<string, unknown> {
  // While it was being checked elsewhere, the key may have been taken away.
  if (!key.isTrusted) throw new TokenError('unknown_key', 'the key is trusted no more');
  if (!isSigned) throw new TokenError('signature', 'the signature does not match');
  return parseJsonObject(payload, 'claims');
}

/** The keys by kid, and by the exact header texts under which they have already signed. */
class TrustedKeys {
  readonly #byKid: ReadonlyMap<unknown, PreparedKey>;
  readonly #byHeader = new Map<string, PreparedKey>();

  constructor(keys: readonly PreparedKey[]) {
    this.#byKid = new Map(keys.map((key) => [key.kid, key]));
    if (this.#byKid.size !== keys.length) throw new TypeError('Two verification keys share a kid');
  }

  /** Those that stay are the same objects, so that what they verified before still stands. */
  replacedBy(keys: readonly VerificationKey[]): TrustedKeys {
    const successors = new TrustedKeys(keys.map((key) => this.#known(key) ?? prepareVerificationKey(key)));
    for (const key of this.#byKid.values()) key.isTrusted = successors.#byKid.get(key.kid) === key;
    return successors;
  }

  #known({ kid, alg, key }: VerificationKey): PreparedKey | undefined {
    const known = this.#byKid.get(kid);
    return known?.alg === alg && known.key.equals(key) ? known : undefined;
  }

  select(header: string): PreparedKey {
    const known = this.#byHeader.get(header);
    return known ?? keyForHeader(parseJsonObject(decodeBase64url(header), 'header'), this.#byKid);
  }

  /** Only after the signature held, so that no stranger can fill the map. */
  remember({ header, key }: SignedToken): void {
    if (this.#byHeader.size < MAX_KNOWN_HEADERS) this.#byHeader.set(header, key);
  }
}
