import type { FastifyReply } from 'fastify';
import type { IncomingMessage } from 'node:http';

type Fields = Readonly<Record<string, string>>;

/** What a page may read of an answer beside its body. */
const EXPOSED = 'retry-after, ratelimit, ratelimit-policy, www-authenticate, x-request-id';

/** `max-age`: how long, in seconds, a browser may remember the answer to a preflight. */
const PREFLIGHT: Fields = {
  'access-control-allow-methods': 'GET, HEAD, POST, PUT, PATCH, DELETE',
  'access-control-allow-headers': 'authorization, content-type, x-request-id, traceparent, tracestate, baggage',
  'access-control-max-age': '600',
};

/** Header fields by the `Origin` of a request; prepared once. */
export type HeadersByOrigin = (origin: string | undefined) => Fields;

/**
 * Lets pages of these origins, exactly as they are written, call the service from a browser (Fetch Standard, CORS protocol): what
 * goes with these fields on every answer. Without credentials: tokens travel in headers that a page sets, never in cookies.
 */
export function withCors(fields: Fields, origins: readonly string[] | undefined): HeadersByOrigin {
  if (origins === undefined) return () => fields;
  const others = { ...fields, vary: 'Origin' };
  const allowed = new Map(
    origins.map((origin) => [
      origin,
      { ...others, 'access-control-allow-origin': origin, 'access-control-expose-headers': EXPOSED },
    ]),
  );
  return (origin) => (origin === undefined ? others : (allowed.get(origin) ?? others));
}

/** Whether a browser asks if a page of one of these origins may call, which needs no token. */
export function isPreflight(request: IncomingMessage, origins: readonly string[] | undefined): boolean {
  if (origins === undefined || request.method !== 'OPTIONS') return false;
  const { origin, 'access-control-request-method': method } = request.headers;
  return method !== undefined && origin !== undefined && origins.includes(origin);
}

export function sendPreflightResponse(reply: FastifyReply): void {
  void reply.code(204).headers(PREFLIGHT).send();
}
