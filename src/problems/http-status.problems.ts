import { defineOwnProblem } from './problem.js';

/** 404: no such route, or no such object for this caller. */
export const notFound = defineOwnProblem({ code: 'not_found', status: 404, detail: 'There is nothing here.' });

/** 405: the path exists, the method does not; `Allow` lists the others (RFC 9110 section 15.5.6). */
export const methodNotAllowed = defineOwnProblem({
  code: 'method_not_allowed',
  status: 405,
  detail: 'This path does not know the method; see Allow.',
});

/** 400: the request line, a header or the target is not usable HTTP. */
export const requestMalformed = defineOwnProblem({
  code: 'request_malformed',
  status: 400,
  detail: 'The request is not well-formed HTTP.',
});

/** 408: the request did not arrive in time. */
export const requestTimeout = defineOwnProblem({
  code: 'request_timeout',
  status: 408,
  detail: 'The request did not arrive in time.',
});

/** 413: the body is larger than the route reads. */
export const bodyTooLarge = defineOwnProblem({
  code: 'body_too_large',
  status: 413,
  detail: 'The body is larger than this route reads.',
});

/** 414: the path or one of its parts is longer than any route's. */
export const uriTooLong = defineOwnProblem({ code: 'uri_too_long', status: 414, detail: 'The path is too long.' });

/** 415: the body is not of a documented media type. */
export const mediaTypeUnsupported = defineOwnProblem({
  code: 'media_type_unsupported',
  status: 415,
  detail: 'Send the body as application/json.',
});

/** 417: an `Expect` header other than `100-continue` (RFC 9110 section 10.1.1). */
export const expectationFailed = defineOwnProblem({
  code: 'expectation_failed',
  status: 417,
  detail: 'The only expectation that can be met is 100-continue.',
});

/** 431: the header section is larger than 16 KiB (RFC 6585 section 5). */
export const headersTooLarge = defineOwnProblem({
  code: 'headers_too_large',
  status: 431,
  detail: 'The header section is too large.',
});

/** 500: a defect of the service. */
export const internalError = defineOwnProblem({
  code: 'internal_error',
  status: 500,
  detail: 'Something went wrong here. The instance identifies this occurrence in the log.',
});

/** 503: the service cannot answer now; `Retry-After` in seconds. */
export const serviceUnavailable = defineOwnProblem({
  code: 'service_unavailable',
  status: 503,
  detail: 'The service cannot answer at the moment. Try again shortly.',
  headers: { 'retry-after': '1' },
});
