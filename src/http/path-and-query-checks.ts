import type { FastifyRequest } from 'fastify';
import { requestMalformed } from '../problems/http-status.problems.js';
import type { Problem } from '../problems/problem.js';
import { notRouted, type AllowedMethods } from './allowed-methods.js';
import { isMalformed, NO_QUERY, repeatedParameters, unexpectedParameters, type Query } from './query-string.js';
import { validationFailed } from './validation.problems.js';
import { MAX_FIELD_ERRORS } from './validation-errors.js';

/** The part of a Fastify route's `config` that is read here. */
export interface RouteQuery {
  /** The route accepts any query and does not use it. */
  readonly isQueryIgnored?: true;
}

/**
 * 404, 405, and 400 for a wrong path parameter or query, before the token is verified or the body is read. A request
 * without query and path parameters costs a few comparisons.
 */
export function checkPathAndQuery(request: FastifyRequest, allowedMethods: AllowedMethods): Problem | undefined {
  if (request.is404) return notRouted(request, allowedMethods);
  return checkPathParameters(request) ?? (request.query === NO_QUERY ? undefined : checkQuery(request));
}

function checkPathParameters(request: FastifyRequest): Problem | undefined {
  const params = request.params as Record<string, string>;
  for (const name in params) {
    if (params[name]?.includes('\0') === true) return requestMalformed();
  }
  return undefined;
}

function checkQuery(request: FastifyRequest): Problem | undefined {
  if ((request.routeOptions.config as RouteQuery).isQueryIgnored) return undefined;
  const query = request.query as Query;
  if (isMalformed(query)) return requestMalformed();
  const hasSchema = request.routeOptions.schema?.querystring !== undefined;
  const errors = [...repeatedParameters(query), ...(hasSchema ? [] : unexpectedParameters(query))];
  return errors.length === 0 ? undefined : validationFailed({ errors: errors.slice(0, MAX_FIELD_ERRORS) });
}
