import { BEARER_CHALLENGE } from '../problems/bearer-challenge.js';
import { defineOwnProblem } from '../problems/problem.js';

const CHALLENGE = { 'www-authenticate': BEARER_CHALLENGE };

/** 401: not a refresh token of this service, or its session has ended. */
export const refreshTokenInvalid = defineOwnProblem({
  code: 'refresh_token_invalid',
  status: 401,
  detail: 'The refresh token is not valid. Log in again.',
  headers: CHALLENGE,
});

/** 401: the session was not refreshed for `SESSION_IDLE_DAYS`, or is older than `SESSION_ABSOLUTE_DAYS`. */
export const refreshTokenExpired = defineOwnProblem({
  code: 'refresh_token_expired',
  status: 401,
  detail: 'The session has expired. Log in again.',
  headers: CHALLENGE,
});

/** 401: the token was exchanged before and the grace is over; its session has ended (RFC 9700 section 4.14.2). */
export const refreshTokenReused = defineOwnProblem({
  code: 'refresh_token_reused',
  status: 401,
  detail: 'The refresh token was used before, so its session has ended. Log in again.',
  headers: CHALLENGE,
});

/** The problems of a refresh token, for routes that take one. */
export const refreshTokenProblems = [refreshTokenInvalid, refreshTokenExpired, refreshTokenReused];
