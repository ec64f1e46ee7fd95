import type { FastifyReply, FastifyRequest } from 'fastify';
import { withCors, type HeadersByOrigin } from './cors.js';

/**
 * OWASP REST Security Cheat Sheet; ASVS 3.4. Nothing here is ever rendered, framed or cached unless a route says so.
 */
export const SECURITY_HEADERS = Object.freeze({
  'cache-control': 'no-store',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
});

/** ASVS 3.4.1: a year. Only for a service whose public address is https; over http browsers ignore it. */
export const STRICT_TRANSPORT_SECURITY = 'max-age=31536000; includeSubDomains';

/** Sets the headers of an answer before anything else can answer; a route that sets its own afterwards wins. */
export type SetResponseHeaders = (request: FastifyRequest, reply: FastifyReply) => void;

interface AnswerSettings {
  /** Whether the public address is https: adds Strict-Transport-Security. */
  readonly https: boolean;
  /** Origins whose pages may call. */
  readonly corsOrigins?: readonly string[] | undefined;
}

/** The same on every answer of a service, whoever gives it and to whomever. */
export function securityHeaders({ https }: Pick<AnswerSettings, 'https'>): Readonly<Record<string, string>> {
  return https ? { ...SECURITY_HEADERS, 'strict-transport-security': STRICT_TRANSPORT_SECURITY } : SECURITY_HEADERS;
}

/** {@link securityHeaders}, and those of CORS for a page. */
export function responseHeadersByOrigin(settings: AnswerSettings): HeadersByOrigin {
  return withCors(securityHeaders(settings), settings.corsOrigins);
}

/**
 * Prepared once. On bare Fastify this hook took a request from 18.2 to 21.8 µs of CPU (medians of 8 noisy rounds), guarded or
 * not; `reply.raw.setHeader` was no cheaper (23.1, ranges overlapping).
 */
export function responseHeaderSetter(
  fieldsFor: HeadersByOrigin,
  { dependOnOrigin }: { dependOnOrigin: boolean },
): SetResponseHeaders {
  const fixed = fieldsFor(undefined);
  return (request, reply) => {
    reply.headers(dependOnOrigin ? fieldsFor(request.headers.origin) : fixed).header('x-request-id', request.id);
  };
}
