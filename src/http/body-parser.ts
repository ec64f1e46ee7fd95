import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';
import { mediaTypeUnsupported, requestMalformed } from '../problems/http-status.problems.js';
import { BODY_LIMIT_BYTES, bodyLimitOf } from './body-limit.js';
import { parseStrictJson } from './strict-json.js';

const UTF_8 = /^utf-?8$/i;

/** RFC 9110 section 8.3.1, up to its parameters. */
const MEDIA_TYPE = /^[\w!#$%&'*+.^`|~-]+\/[\w!#$%&'*+.^`|~-]+\s*(?:;|$)/;

/** Longer ones are not looked at: patterns of Fastify would read them. */
export const MAX_CONTENT_TYPE_LENGTH = 256;

/** A field that names no media type counts as one that is unknown: Fastify would refuse it without asking whether there is content. */
export function normalizeContentType(request: IncomingMessage): void {
  // Of a GET no body is read.
  if (request.method === 'GET') return;
  const { headers } = request;
  const type = headers['content-type'];
  if (type === undefined) return;
  if (type.length > MAX_CONTENT_TYPE_LENGTH || !MEDIA_TYPE.test(type))
    headers['content-type'] = 'application/octet-stream';
}

/**
 * Leaves strict JSON as the only body that is read; every other media type, charset or content coding is 415, and what is
 * larger than the route's schema lets pass is 413. Without content no type is refused (RFC 9110 section 8.3). For an application created with `bodyParser: false`. A plugin may add another type for its own routes.
 */
export function registerStrictJsonParser(fastify: FastifyInstance): void {
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
        // Clients whose library names the type of every body name it for none as well.
        if (body.length === 0 && (schema === undefined || acceptsNoBody(schema))) return done(null, null);
        if (body.length > 0) requirePlainUtf8(request.headers['content-type'], request.headers['content-encoding']);
        done(null, parseStrictJson(body));
      } catch (problem) {
        done(problem as Error);
      }
    },
  );
  fastify.addContentTypeParser('*', ({ headers }: FastifyRequest, payload: IncomingMessage) =>
    noContent(headers['content-length'], payload),
  );
}

/** Waits until it is known that a body has no content. */
async function noContent(contentLength: string | undefined, payload: Readable): Promise<null> {
  if (Number(contentLength ?? 0) > 0) throw mediaTypeUnsupported();
  return new Promise((resolve, reject) => {
    payload.once('data', () => reject(mediaTypeUnsupported()));
    payload.once('end', () => resolve(null));
    payload.once('error', (error) => reject(requestMalformed({ cause: error })));
  });
}

/** Whether a route's schema for bodies lets `null` pass, which stands for no body. */
export function acceptsNoBody(schema: unknown): boolean {
  const { type, anyOf } = (schema ?? {}) as { type?: unknown; anyOf?: readonly unknown[] };
  return type === 'null' || (anyOf?.some(acceptsNoBody) ?? false);
}

/** RFC 9110 section 15.5.16: 415 is about the content coding as well as the media type. */
function requirePlainUtf8(contentType: string | undefined, contentEncoding: string | undefined): void {
  const charset = /;\s*charset\s*=\s*"?([^";\s]*)/i.exec(contentType ?? '')?.[1];
  if (charset !== undefined && !UTF_8.test(charset)) throw mediaTypeUnsupported({ detail: 'Send the body in UTF-8.' });
  if (contentEncoding !== undefined && contentEncoding.toLowerCase() !== 'identity') {
    throw mediaTypeUnsupported({ detail: 'Send the body without a content coding.' });
  }
}
