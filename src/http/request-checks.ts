import type { FastifyRequest } from 'fastify';
import type { IncomingMessage } from 'node:http';
import {
  headersTooLarge,
  methodNotAllowed,
  notFound,
  requestMalformed,
  uriTooLong,
} from '../problems/http-status.problems.js';
import type { Problem } from '../problems/problem.js';
import { MAX_FIELD_ERRORS } from './validation-errors.js';
import {
  isMalformed,
  MAX_TARGET_LENGTH,
  NO_QUERY,
  repeatedNames,
  unexpectedNames,
  type Query,
} from './query-string.js';
import type { Routes } from './allowed-methods.js';
import { expectationFailed, validationFailed } from './validation.problems.js';

/** More header fields than this are 431. Node drops the surplus of 2000 in silence, so the limit must be ours. */
export const MAX_HEADER_FIELDS = 100;

/** What the client has sent with it is not read. */
const CLOSE = { connection: 'close' };

/** The characters of RFC 3986 section 3.2.2, and a port. */
const HOST = /^[\w.~!$&'()*+,;=%[\]:-]*$/;

/** What is refused of whatever path: sizes, ambiguity, an expectation. A request pays a few comparisons. */
export function malformed({ raw, url }: FastifyRequest): Problem | undefined {
  if (raw.rawHeaders.length > 2 * MAX_HEADER_FIELDS) return headersTooLarge();
  if (url.length > MAX_TARGET_LENGTH) return uriTooLong();
  if (isAmbiguous(raw)) return requestMalformed({ headers: CLOSE });
  return raw.headers.expect !== undefined && isUnmet(raw.headers.expect, raw)
    ? expectationFailed({ headers: CLOSE })
    : undefined;
}

/**
 * What can then be refused by path, method and query, before a token is looked at or a body is read. A request without query
 * and path parameters pays a few comparisons.
 */
export function misdirected(request: FastifyRequest, routes: Routes): Problem | undefined {
  if (request.is404) return unroutable(request, routes);
  return flawedParams(request) ?? (request.query === NO_QUERY ? undefined : flawedQuery(request));
}

/** As Node sees it, which has sent 100 Continue by now where it is asked for (RFC 9110 section 10.1.1: not by HTTP/1.0). */
function isUnmet(expectation: string, { httpVersion }: IncomingMessage): boolean {
  return httpVersion === '1.1' && !/(?:^|\W)100-continue(?:$|\W)/i.test(expectation);
}

/** What Node lets pass and another server on the way may have read differently: nothing more is taken from the connection. */
function isAmbiguous(request: IncomingMessage): boolean {
  return request.httpVersionMajor !== 1 || hasWrongCoding(request) || hasWrongHost(request);
}

/** RFC 9112 section 6.1: HTTP/1.0 has no transfer coding. No other than chunked is decoded here, also not before it. */
function hasWrongCoding({ headers, httpVersion }: IncomingMessage): boolean {
  const coding = headers['transfer-encoding'];
  return coding !== undefined && (httpVersion === '1.0' || coding.toLowerCase() !== 'chunked');
}

/** RFC 9112 section 3.2: more than one Host is 400, so is none in HTTP/1.1, and what is no host. Node would take the first. */
function hasWrongHost({ rawHeaders, httpVersion }: IncomingMessage): boolean {
  let count = 0;
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at];
    if (name?.length !== 4 || name.toLowerCase() !== 'host') continue;
    if (++count > 1 || !HOST.test(rawHeaders[at + 1] ?? '')) return true;
  }
  return count === 0 && httpVersion === '1.1';
}

function unroutable(request: FastifyRequest, routes: Routes): Problem {
  if (isMalformed(request.query as Query) || request.url.includes('%00')) return requestMalformed();
  const allowed = routes.allowedMethods(request.url);
  return allowed.length === 0 ? notFound() : methodNotAllowed({ headers: { allow: allowed.join(', ') } });
}

function flawedParams(request: FastifyRequest): Problem | undefined {
  const params = request.params as Record<string, string>;
  for (const name in params) {
    if (params[name]?.includes('\0') === true) return requestMalformed();
  }
  return undefined;
}

/** The part of a Fastify route's `config` that is read here. */
export interface RouteQuery {
  /** Whatever query comes is not looked at. */
  readonly isQueryIgnored?: true;
}

function flawedQuery(request: FastifyRequest): Problem | undefined {
  if ((request.routeOptions.config as RouteQuery).isQueryIgnored) return undefined;
  const query = request.query as Query;
  if (isMalformed(query)) return requestMalformed();
  const expectsSome = request.routeOptions.schema?.querystring !== undefined;
  const errors = [...repeatedNames(query), ...(expectsSome ? [] : unexpectedNames(query))];
  return errors.length === 0 ? undefined : validationFailed({ errors: errors.slice(0, MAX_FIELD_ERRORS) });
}
