import type { FastifyInstance } from 'fastify';
import { mediaTypeUnsupported } from '../problems/framework.problems.js';
import { BODY_LIMIT_BYTES, bodyLimitOf } from './body-limit.js';
import { parseStrictJson } from './strict-json.js';

const UTF_8 = /^utf-?8$/i;

/**
 * Leaves strict JSON as the only body that is read; every other media type, charset or content coding is 415, and what is
 * larger than the route's schema lets pass is 413. For an application created with `bodyParser: false`. A plugin may add another type for its own routes.
 */
export function useStrictJson(fastify: FastifyInstance): void {
  fastify.removeAllContentTypeParsers();
  fastify.addHook('onRoute', (route) => {
    route.bodyLimit ??= bodyLimitOf(route.schema?.body as object | undefined);
  });
  fastify.addContentTypeParser<Buffer>(
    'application/json',
    { parseAs: 'buffer', bodyLimit: BODY_LIMIT_BYTES },
    (request, body, done) => {
      try {
        requirePlainUtf8(request.headers['content-type'], request.headers['content-encoding']);
        // Clients whose library names the type of every body name it for none as well.
        const isNone = body.length === 0 && isOptional(request.routeOptions.schema?.body);
        done(null, isNone ? null : parseStrictJson(body));
      } catch (problem) {
        done(problem as Error);
      }
    },
  );
}

/** Whether a route's schema for bodies lets `null` pass, which stands for no body. */
export function isOptional(schema: unknown): boolean {
  const { type, anyOf } = (schema ?? {}) as { type?: unknown; anyOf?: readonly unknown[] };
  return type === 'null' || (anyOf?.some(isOptional) ?? false);
}

/** RFC 9110 section 15.5.16: 415 is about the content coding as well as the media type. */
function requirePlainUtf8(contentType: string | undefined, contentEncoding: string | undefined): void {
  const charset = /;\s*charset\s*=\s*"?([^";\s]*)/i.exec(contentType ?? '')?.[1];
  if (charset !== undefined && !UTF_8.test(charset)) throw mediaTypeUnsupported({ detail: 'Send the body in UTF-8.' });
  if (contentEncoding !== undefined && contentEncoding.toLowerCase() !== 'identity') {
    throw mediaTypeUnsupported({ detail: 'Send the body without a content coding.' });
  }
}
