import {
  BEARER_CHALLENGE,
  INSUFFICIENT_SCOPE_CHALLENGE,
  INVALID_TOKEN_CHALLENGE,
  recentLoginChallenge,
} from '../problems/bearer-challenge.js';
import { serviceUnavailable } from '../problems/http-status.problems.js';
import { defineOwnProblem, Problem } from '../problems/problem.js';

const INVALID = { 'www-authenticate': INVALID_TOKEN_CHALLENGE };

/** 401: no bearer token was sent (RFC 6750 section 3.1: a challenge without an error code). */
export const tokenMissing = defineOwnProblem({
  code: 'token_missing',
  status: 401,
  detail: 'Send an access token as Authorization: Bearer.',
  headers: { 'www-authenticate': BEARER_CHALLENGE },
});

/** 401 `token_missing`: a logout that names no session, neither by an access token nor by a refresh token. */
export function logoutTokenMissing(): Problem {
  return tokenMissing({ detail: 'Send an access token as Authorization: Bearer, or a refresh_token in the body.' });
}

/** 401: the token is malformed, not issued by this service, or not valid now. */
export const tokenInvalid = defineOwnProblem({
  code: 'token_invalid',
  status: 401,
  detail: 'The access token is not valid.',
  headers: INVALID,
});

/** 401: the token has expired. */
export const tokenExpired = defineOwnProblem({
  code: 'token_expired',
  status: 401,
  detail: 'The access token has expired.',
  headers: INVALID,
});

/** 401: the token was revoked: by a logout, a change of password, a deleted or disabled user. */
export const tokenRevoked = defineOwnProblem({
  code: 'token_revoked',
  status: 401,
  detail: 'The access token has been revoked. Log in again.',
  headers: INVALID,
});

/** 401: what the token says of its user was changed since, such as a role. The session goes on: a refresh gets the next token. */
export const tokenStale = defineOwnProblem({
  code: 'token_stale',
  status: 401,
  detail: 'The user of the access token has changed. Refresh it.',
  headers: INVALID,
});

/** 401: the login of the session is too old for this (RFC 9470 section 3). A refresh does not help, another login does. */
export const insufficientUserAuthentication = defineOwnProblem({
  code: 'insufficient_user_authentication',
  status: 401,
  detail: 'The login of this session is too long ago. Log in again.',
});

/** 401 `insufficient_user_authentication`: the login is more than this many seconds ago. */
export function loginTooOld(maxAgeSeconds: number): Problem {
  return insufficientUserAuthentication({ headers: { 'www-authenticate': recentLoginChallenge(maxAgeSeconds) } });
}

/** 403: the caller has none of the roles that the route asks for (RFC 6750 section 3.1). */
export const forbidden = defineOwnProblem({
  code: 'forbidden',
  status: 403,
  detail: 'The caller may not do this.',
  headers: { 'www-authenticate': INSUFFICIENT_SCOPE_CHALLENGE },
});

/** 403: the caller has not proved to read mail to the address (RFC 6750 section 3.1). */
export const emailUnverified = defineOwnProblem({
  code: 'email_unverified',
  status: 403,
  detail: 'The address is not verified. Open the link in the mail to it.',
  headers: { 'www-authenticate': INSUFFICIENT_SCOPE_CHALLENGE },
});

/**
 * Problems of refused tokens, made once and shared by all requests: making one takes 2 µs of a refused request, and
 * without details each is like the other. Whatever may reach code that changes it is an {@link unsharedProblem}.
 */
export const sharedProblems = {
  missing: frozen(tokenMissing()),
  invalid: frozen(tokenInvalid()),
  expired: frozen(tokenExpired()),
  revoked: frozen(tokenRevoked()),
  stale: frozen(tokenStale()),
  forbidden: frozen(forbidden()),
  emailUnverified: frozen(emailUnverified()),
} as const;

function frozen(problem: Problem): Problem {
  Object.freeze(problem.headers);
  return Object.freeze(problem);
}

/** The problem itself, or a copy of a shared one: for the guards, filters and interceptors of an application. */
export function unsharedProblem(problem: Problem): Problem {
  if (!Object.isFrozen(problem)) return problem;
  return new Problem(problem.kind, { detail: problem.detail, headers: { ...problem.headers } });
}

/** The problems of the authentication hook, for the OpenAPI document of every route that is not public. */
export const authenticationProblems = [
  tokenMissing,
  tokenInvalid,
  tokenExpired,
  tokenRevoked,
  tokenStale,
  serviceUnavailable,
];
