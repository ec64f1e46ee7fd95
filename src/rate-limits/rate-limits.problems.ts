import { defineProblem } from '../problems/problem.js';

/** 429: too many attempts (RFC 6585 section 4). Tells when the next attempt is admitted, and never whether an account exists. */
export const tooManyAttempts = defineProblem({
  code: 'too_many_attempts',
  status: 429,
  detail: 'There were too many attempts. Wait for as long as Retry-After says.',
});
