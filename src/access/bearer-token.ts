import { isCompactJws } from '../verifier/compact-jws.js';
import type { AccessTokenVerifier, VerificationOutcome } from './access-token.verifier.js';
import { sharedProblems } from './access.problems.js';

/** The prefix that most clients send. */
const USUAL_PREFIX = 'Bearer ';
const SCHEME = 'bearer';

/**
 * The token of an `Authorization` field (RFC 6750 section 2.1; RFC 9110 section 11.4: the scheme in any
 * case, one or more spaces). Empty where the scheme stands alone; undefined for another scheme. Linear in
 * time: uses no regular expression.
 */
export function readBearerToken(authorization: string | undefined): string | undefined {
  if (authorization === undefined) return undefined;
  let start = USUAL_PREFIX.length;
  if (!authorization.startsWith(USUAL_PREFIX)) {
    if (authorization.slice(0, SCHEME.length).toLowerCase() !== SCHEME) return undefined;
    if (authorization.length > SCHEME.length && authorization[SCHEME.length] !== ' ') return undefined;
  }
  while (authorization[start] === ' ') start++;
  return authorization.slice(start);
}

/**
 * Synchronous, except when many new tokens come in one turn of the event loop.
 * @returns the principal, or Problem `token_missing`, `token_invalid`, `token_expired`, `token_revoked`, `token_stale`
 *   or `service_unavailable`
 */
export function verifyBearerToken(
  token: string | undefined,
  verifier: AccessTokenVerifier,
): VerificationOutcome | Promise<VerificationOutcome> {
  if (token === undefined) return sharedProblems.missing;
  // Needs no lookup of a key.
  if (!isCompactJws(token)) return sharedProblems.invalid;
  return verifier.verifyAccessToken(token);
}
