import type { FastifyReply } from 'fastify';
import type { IncomingMessage } from 'node:http';

type Headers = Readonly<Record<string, string>>;

/** Response headers that scripts may read. */
const EXPOSED_HEADERS = 'retry-after, ratelimit, ratelimit-policy, www-authenticate, x-request-id';

/** `max-age`: how many seconds a browser may cache the preflight response. */
const PREFLIGHT: Headers = {
  'access-control-allow-methods': 'GET, HEAD, POST, PUT, PATCH, DELETE',
  'access-control-allow-headers': 'authorization, content-type, x-request-id, traceparent, tracestate, baggage',
  'access-control-max-age': '600',
};

/** Response headers by the `Origin` of a request; computed once per origin. */
export type HeadersByOrigin = (origin: string | undefined) => Headers;

/**
 * Adds the CORS headers (Fetch Standard) to those of every response. The origins are compared as exact strings.
 * Credentials are not allowed: tokens travel in headers that a page sets, never in cookies.
 */
export function withCors(headers: Headers, origins: readonly string[] | undefined): HeadersByOrigin {
  if (origins === undefined) return () => headers;
  const others = { ...headers, vary: 'Origin' };
  const allowed = new Map(
    origins.map((origin) => [
      origin,
      { ...others, 'access-control-allow-origin': origin, 'access-control-expose-headers': EXPOSED_HEADERS },
    ]),
  );
  return (origin) => (origin === undefined ? others : (allowed.get(origin) ?? others));
}

/** Whether the request is a CORS preflight from one of these origins. It needs no token. */
export function isPreflight(request: IncomingMessage, origins: readonly string[] | undefined): boolean {
  if (origins === undefined || request.method !== 'OPTIONS') return false;
  const { origin, 'access-control-request-method': method } = request.headers;
  return method !== undefined && origin !== undefined && origins.includes(origin);
}

export function sendPreflightResponse(reply: FastifyReply): void {
  void reply.code(204).headers(PREFLIGHT).send();
}
