import { findJsonFlaw } from '../verifier/json-flaws.js';
import type { AccessTokenClaims } from '../verifier/access-token-claims.check.js';

/** Claims that the application adds to access tokens. */
export type CustomClaims = Readonly<Record<string, unknown>>;

/** As JSON, in UTF-8. */
export const MAX_CUSTOM_CLAIMS_BYTES = 768;
/** Objects and lists in them may nest this deep, the outermost object included. */
export const MAX_CUSTOM_CLAIMS_DEPTH = 8;

/** Names that an application cannot use: verifiers of access tokens and of identity tokens give them a meaning. */
export const RESERVED_CLAIMS: ReadonlySet<string> = new Set(
  [
    // RFC 7519 section 4.1
    ['iss', 'sub', 'aud', 'exp', 'nbf', 'iat', 'jti'],
    // RFC 9068 section 2.2, with those of RFC 7643 section 4.1.2
    ['client_id', 'auth_time', 'acr', 'amr', 'scope', 'groups', 'roles', 'entitlements'],
    // RFC 8693 section 4
    ['act', 'may_act'],
    // RFC 7800 section 3.1
    ['cnf'],
    // OpenID Connect Core sections 2, 3.1.3.6, 3.3.2.11, 5.1, 5.6.2 and 7.4
    ['nonce', 'azp', 'at_hash', 'c_hash', 'sub_jwk', '_claim_names', '_claim_sources'],
    ['name', 'given_name', 'family_name', 'middle_name', 'nickname', 'preferred_username', 'profile', 'picture'],
    ['website', 'email', 'email_verified', 'gender', 'birthdate', 'zoneinfo', 'locale', 'phone_number'],
    ['phone_number_verified', 'address', 'updated_at'],
    // OpenID Connect Front-Channel Logout section 3, Back-Channel Logout section 2.4, RFC 8417
    ['sid', 'events', 'toe', 'txn'],
    // Ours
    ['rv'],
  ].flat(),
);

/** Of a token without any. */
export const NO_CLAIMS: CustomClaims = Object.freeze({});

/**
 * What the application has returned, as a token will have it.
 * @returns a frozen copy
 * @throws {TypeError} for what is no JSON object, and for a reserved name
 * @throws {RangeError} for more than {@link MAX_CUSTOM_CLAIMS_BYTES}
 */
export function checkCustomClaims(returned: unknown): CustomClaims {
  if (isThenable(returned)) {
    // Nobody waits for it: without a handler its rejection would end the process.
    Promise.resolve(returned).catch(() => undefined);
    throw new TypeError('claims() must return an object, and not a promise');
  }
  if (!isObject(returned)) throw new TypeError('claims() must return an object, and not a list');
  const text = JSON.stringify(returned);
  const bytes = Buffer.byteLength(text);
  if (bytes > MAX_CUSTOM_CLAIMS_BYTES) {
    throw new RangeError(`claims() returned ${bytes} bytes as JSON: at most ${MAX_CUSTOM_CLAIMS_BYTES} fit`);
  }
  const flaw = findJsonFlaw(text, MAX_CUSTOM_CLAIMS_DEPTH);
  if (flaw !== undefined) throw new TypeError(`claims() returned what no token can say: ${flaw}`);
  const claims = JSON.parse(text) as unknown;
  if (!isObject(claims)) throw new TypeError('claims() returned what is no object as JSON');
  const reserved = Object.keys(claims).find((name) => RESERVED_CLAIMS.has(name));
  if (reserved !== undefined) throw new TypeError(`claims() returned ${reserved}, which is reserved`);
  return deepFreeze(claims);
}

/** The claims of a verified token that are not ours: those that the application added. Frozen. */
export function customClaimsOf(claims: AccessTokenClaims): CustomClaims {
  const custom = Object.entries(claims).filter(([name]) => !RESERVED_CLAIMS.has(name));
  return custom.length === 0 ? NO_CLAIMS : deepFreeze(Object.fromEntries(custom));
}

function isObject(value: unknown): value is CustomClaims {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return isObject(value) && typeof value['then'] === 'function';
}

function deepFreeze<Value>(value: Value): Value {
  if (typeof value !== 'object' || value === null) return value;
  Object.values(value).forEach(deepFreeze);
  return Object.freeze(value);
}
