import { defineOwnProblem } from '../problems/problem.js';

/** 400: the body is not JSON by RFC 8259 and the stricter rules of this service. */
export const jsonMalformed = defineOwnProblem({
  code: 'json_malformed',
  status: 400,
  detail: 'The body is not well-formed JSON.',
});

/** 400: the body, path or query does not match the route's schema; `errors` says where and why. */
export const validationFailed = defineOwnProblem({
  code: 'validation_failed',
  status: 400,
  detail: 'The request does not match the schema of this route; see errors.',
});
