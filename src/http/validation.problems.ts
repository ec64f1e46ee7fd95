import { defineProblem } from '../problems/problem.js';

/** 400: the body is not JSON as RFC 8259 and this service's stricter rules have it. */
export const jsonMalformed = defineProblem({
  code: 'json_malformed',
  status: 400,
  detail: 'The body is not well-formed JSON.',
});

/** 400: the body, path or query is not what the route's schema asks for; `errors` says where and what. */
export const validationFailed = defineProblem({
  code: 'validation_failed',
  status: 400,
  detail: 'The request does not match the schema of this route; see errors.',
});

/** 417: an `Expect` header with another expectation than `100-continue` (RFC 9110 section 10.1.1). */
export const expectationFailed = defineProblem({
  code: 'expectation_failed',
  status: 417,
  detail: 'The only expectation that can be met is 100-continue.',
});
