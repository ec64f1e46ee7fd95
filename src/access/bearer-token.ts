import { isCompactJws } from '../verifier/compact-jws.js';
import type { AccessTokenVerifier } from './access-token.verifier.js';
import { tokenInvalid, tokenMissing } from './access.problems.js';
import type { Principal } from './principal.js';

/** As clients write it. */
const USUAL = 'Bearer ';
const SCHEME = 'bearer';

/**
 * The token of an `Authorization` field (RFC 6750 section 2.1; RFC 9110 section 11.4: the scheme in any case, one or more spaces), empty where
 * the scheme stands alone; undefined for another scheme. In linear time, without a pattern.
 */
export function readBearerToken(authorization: string | undefined): string | undefined {
  if (authorization === undefined) return undefined;
  let start = USUAL.length;
  if (!authorization.startsWith(USUAL)) {
    if (authorization.slice(0, SCHEME.length).toLowerCase() !== SCHEME) return undefined;
    if (authorization.length > SCHEME.length && authorization[SCHEME.length] !== ' ') return undefined;
  }
  while (authorization[start] === ' ') start++;
  return authorization.slice(start);
}

/**
 * At once, unless many new tokens have come at once.
 * @throws Problem `token_missing`, `token_invalid`, `token_expired`, `token_revoked` or `service_unavailable`
 */
export function verifyBearerToken(
  token: string | undefined,
  verifier: AccessTokenVerifier,
): Principal | Promise<Principal> {
  if (token === undefined) throw tokenMissing();
  // What is none is not even looked up.
  if (!isCompactJws(token)) throw tokenInvalid();
  return verifier.verifyAccessToken(token);
}
