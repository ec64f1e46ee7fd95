import { defineOwnProblem } from '../problems/problem.js';
import type { LimitPolicy } from './limit-policies.js';

/**
 * 429: too many attempts (RFC 6585 section 4). Tells when the next attempt is admitted, and
 * never whether an account exists.
 */
export const tooManyAttempts = defineOwnProblem({
  code: 'too_many_attempts',
  status: 429,
  detail: 'There were too many attempts. Wait for as long as Retry-After says.',
});

/** How long a client must wait, in whole seconds. */
export interface LimitWait {
  /** Until the limit that the response names admits the next attempt. */
  readonly seconds: number;
  /** Until all limits of the attempt do. */
  readonly retrySeconds: number;
}

/**
 * `Retry-After` (RFC 9110 section 10.2.3), and `RateLimit` and `RateLimit-Policy`
 * (draft-ietf-httpapi-ratelimit-headers).
 */
export function tooManyAttemptsHeaders(
  { name, quota, seconds: window }: LimitPolicy,
  { seconds, retrySeconds }: LimitWait,
): Record<string, string> {
  return {
    'retry-after': String(retrySeconds),
    'ratelimit-policy': `"${name}";q=${quota};w=${window}`,
    ratelimit: `"${name}";r=0;t=${seconds}`,
  };
}
