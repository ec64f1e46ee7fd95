import {
  checkClaims,
  checkTimes,
  validity,
  type AccessTokenClaims,
  type ExpectedClaims,
  type TimeLimits,
} from './access-token-claims.js';
import { decodeBase64url, parseJsonObject, splitCompactJws } from './compact-jws.js';
import { TokenError } from './token-error.js';
import { keyForHeader } from './token-header.js';
import { prepareKey, type PreparedKey, type VerificationKey } from './verification-key.js';

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
  verify(token: string): VerifiedToken;
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
  return {
    verify(token) {
      const { claims, key } = authenticate(token, keys);
      checkClaims(claims, options);
      checkTimes(claims, now() / 1000, options);
      return { claims, key, ...validity(claims, options) };
    },
    replaceKeys(trusted) {
      keys = keys.replacedBy(trusted);
    },
  };
}

/** RFC 7515 section 5.2: the claims, only once the signature over them holds. */
function authenticate(token: string, keys: TrustedKeys): { claims: Record<string, unknown>; key: PreparedKey } {
  const jws = splitCompactJws(token);
  const key = keys.select(jws.header);
  const payload = decodeBase64url(jws.payload);
  const signature = decodeBase64url(jws.signature);
  if (!key.verifies(jws.signingInput, signature)) throw new TokenError('signature', 'the signature does not match');
  keys.remember(jws.header, key);
  return { claims: parseJsonObject(payload, 'claims'), key };
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
    const successors = new TrustedKeys(keys.map((key) => this.#known(key) ?? prepareKey(key)));
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
  remember(header: string, key: PreparedKey): void {
    if (this.#byHeader.size < MAX_KNOWN_HEADERS) this.#byHeader.set(header, key);
  }
}
