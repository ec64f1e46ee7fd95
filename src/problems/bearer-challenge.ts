/** `WWW-Authenticate` of every 401 (RFC 6750 section 3); an error code may be appended after a comma. */
export const BEARER_CHALLENGE = 'Bearer realm="gatehouse"';
