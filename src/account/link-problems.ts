import { mailTokenExpired, mailTokenInvalid } from '../one-time-tokens/one-time-tokens.problems.js';
import { serviceUnavailable } from '../problems/http-status.problems.js';
import { tooManyAttempts } from '../rate-limits/rate-limits.problems.js';

/** Of each route that takes the token of a link. */
export const LINK_PROBLEMS = [mailTokenInvalid, mailTokenExpired, tooManyAttempts, serviceUnavailable] as const;
