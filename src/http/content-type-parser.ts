import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';
import { mediaTypeUnsupported, requestMalformed } from '../problems/http-status.problems.js';
import { BODY_LIMIT_BYTES, bodyLimitOf } from './body-limit.js';
import { parseJsonBody } from './json-body.js';

/** A longer `Content-Type` is 415, so that no regular expression of Fastify reads it. */
export const MAX_CONTENT_TYPE_LENGTH = 256;

const UTF_8 = /^utf-?8$/i;

/** RFC 9110 section 8.3.1, up to the parameters. */
const MEDIA_TYPE = /^[\w!#$%&'*+.^`|~-]+\/[\w!#$%&'*+.^`|~-]+\s*(?:;|$)/;

/**
 * Replaces an invalid `Content-Type` by an unsupported one: Fastify would send 415 for an
 * invalid one even without content.
 */
export function normalizeContentType(request: IncomingMessage): void {
  // The body of a GET is not read.
  if (request.method === 'GET') return;
  const { headers } = request;
  const type = headers['content-type'];
  if (type === undefined) return;
  if (type.length > MAX_CONTENT_TYPE_LENGTH || !MEDIA_TYPE.test(type))
    headers['content-type'] = 'application/octet-stream';
}

/**
 * Makes strict JSON the only body that is parsed. Another media type, charset or content coding is 415; a body over the
 * route's limit is 413. A request without content is never refused for its type (RFC 9110 section 8.3). The application
 * must be created with `bodyParser: false`. A plugin may add other types for its own routes.
 */
export function registerContentTypeParsers(fastify: FastifyInstance): void {
  fastify.removeAllContentTypeParsers();
  fastify.addHook('onRoute', (route) => {
    route.bodyLimit ??= bodyLimitOf(route.schema?.body as object | undefined);
  });
  fastify.addContentTypeParser<Buffer>(
    'application/json',
    { parseAs: 'buffer', bodyLimit: BODY_LIMIT_BYTES },
    (request, body, done) => {
      try {
        const schema = request.routeOptions.schema?.body;
        // Some client libraries send a JSON content type with every request, also without a body.
        if (body.length === 0 && (schema === undefined || acceptsNoBody(schema))) return done(null, null);
        if (body.length > 0) requirePlainUtf8(request.headers['content-type'], request.headers['content-encoding']);
        done(null, parseJsonBody(body));
      } catch (problem) {
        done(problem as Error);
      }
    },
  );
  fastify.addContentTypeParser('*', ({ headers }: FastifyRequest, payload: IncomingMessage) =>
    requireNoContent(headers['content-length'], payload),
  );
}

/** Reads a body of another type up to its first byte, which is 415, or its end. */
async function requireNoContent(contentLength: string | undefined, payload: Readable): Promise<null> {
  if (Number(contentLength ?? 0) > 0) throw mediaTypeUnsupported();
  return new Promise((resolve, reject) => {
    payload.once('data', () => reject(mediaTypeUnsupported()));
    payload.once('end', () => resolve(null));
    payload.once('error', (error) => reject(requestMalformed({ cause: error })));
  });
}

/** Whether a route's body schema accepts `null`, which stands for no body. */
export function acceptsNoBody(schema: unknown): boolean {
  const { type, anyOf } = (schema ?? {}) as { type?: unknown; anyOf?: readonly unknown[] };
  return type === 'null' || (anyOf?.some(acceptsNoBody) ?? false);
}

/** RFC 9110 section 15.5.16: 415 is for the content coding as well as for the media type. */
function requirePlainUtf8(contentType: string | undefined, contentEncoding: string | undefined): void {
  const charset = /;\s*charset\s*=\s*"?([^";\s]*)/i.exec(contentType ?? '')?.[1];
  if (charset !== undefined && !UTF_8.test(charset)) throw mediaTypeUnsupported({ detail: 'Send the body in UTF-8.' });
  if (contentEncoding !== undefined && contentEncoding.toLowerCase() !== 'identity') {
    throw mediaTypeUnsupported({ detail: 'Send the body without a content coding.' });
  }
}
