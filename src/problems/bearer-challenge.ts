/** `WWW-Authenticate` of every 401 (RFC 6750 section 3); an error code may be appended after a comma. */
export const BEARER_CHALLENGE = 'Bearer realm="gatehouse"';

/** The same after an access token that is not accepted (RFC 6750 section 3.1). */
export const INVALID_TOKEN_CHALLENGE = `${BEARER_CHALLENGE}, error="invalid_token"`;

/** Of a 403: the access token is valid, and the caller may not do this (RFC 6750 section 3.1). */
export const INSUFFICIENT_SCOPE_CHALLENGE = `${BEARER_CHALLENGE}, error="insufficient_scope"`;

/** Of a 401: the login of the session is older than the route accepts, in seconds (RFC 9470 section 3). */
export function recentLoginChallenge(maxAgeSeconds: number): string {
  return `${BEARER_CHALLENGE}, error="insufficient_user_authentication", max_age=${maxAgeSeconds}`;
}
