import type { FastifyInstance, FastifyRequest, onRouteHookHandler, preValidationHookHandler } from 'fastify';
import type { IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';
import { mediaTypeUnsupported, requestMalformed } from '../problems/http-status.problems.js';
import { BODY_LIMIT_BYTES, bodyLimitOf } from './body-limit.js';
import { parseJsonBody } from './json-body.js';
import {
  bodyConfigOf,
  JSON_MEDIA_TYPE,
  jsonSchemaOf,
  listedMediaTypes,
  mediaTypesOf,
  recordMediaTypes,
} from './route-body.js';
import { validationFailed } from './validation.problems.js';

/** A longer `Content-Type` is 415, so that no regular expression of Fastify reads it. */
export const MAX_CONTENT_TYPE_LENGTH = 256;

const UTF_8 = /^utf-?8$/i;

/** RFC 9110 section 8.3.1, up to the parameters. */
const MEDIA_TYPE = /^[\w!#$%&'*+.^`|~-]+\/[\w!#$%&'*+.^`|~-]+\s*(?:;|$)/;

/** A type for which nobody adds a parser. */
const UNSUPPORTED_TYPE = 'application/x-unsupported';

/**
 * Replaces a `Content-Type` that is invalid, or that the route does not read although some other route may, by an
 * unsupported one: Fastify would send 415 for an invalid one even without content, and has one set of parsers for all
 * routes.
 */
export function normalizeContentType(request: FastifyRequest, root: FastifyInstance): void {
  const { raw } = request;
  // The body of a GET is not read.
  if (raw.method === 'GET') return;
  const { headers } = raw;
  const type = headers['content-type'];
  if (type === undefined) return;
  if (type.length > MAX_CONTENT_TYPE_LENGTH || !MEDIA_TYPE.test(type) || !isRead(type, request, root))
    headers['content-type'] = UNSUPPORTED_TYPE;
}

function isRead(contentType: string, request: FastifyRequest, root: FastifyInstance): boolean {
  const type = withoutParameters(contentType);
  const types = mediaTypesOf(request);
  if (types !== undefined) return types.includes(type);
  // A plugin's route reads what the plugin itself has added a parser for.
  return type === JSON_MEDIA_TYPE || !root.hasContentTypeParser(type);
}

function withoutParameters(contentType: string): string {
  const [type = ''] = contentType.split(';', 1);
  return type.trim().toLowerCase();
}

/**
 * Makes strict JSON the only body that is parsed. Another media type, charset or content coding is 415; a body over the
 * route's limit is 413. A request without content is never refused for its type (RFC 9110 section 8.3). The application
 * must be created with `bodyParser: false`. A route whose schema lists other types in `content` reads those for which
 * somebody has added a parser, and a plugin may add types for its own routes.
 */
export function registerContentTypeParsers(fastify: FastifyInstance): void {
  fastify.removeAllContentTypeParsers();
  recordMediaTypes(fastify);
  fastify.addHook('onRoute', limitBody);
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
  fastify.addContentTypeParser('*', (request: FastifyRequest, payload: IncomingMessage) =>
    requireNoContent(request, payload),
  );
}

const limitBody: onRouteHookHandler = (route) => {
  const { bodyLimit } = bodyConfigOf(route.config);
  // A limit that is none is refused by name once all routes are known.
  if (bodyLimit !== undefined && Number.isInteger(bodyLimit) && bodyLimit > 0) route.bodyLimit ??= bodyLimit;
  route.bodyLimit ??= bodyLimitOf(jsonSchemaOf(route.schema?.body));
  const types = listedMediaTypes(route.schema?.body);
  if (types !== undefined && !acceptsNoBody(jsonSchemaOf(route.schema?.body)))
    route.preValidation = [requireMediaType, route.preValidation ?? []].flat();
};

/** Fastify validates a body by the schema of its media type, and so no absent body. */
const requireMediaType: preValidationHookHandler = (request, _reply, done) => {
  const { mediaType } = request;
  const types = mediaTypesOf(request) ?? [];
  if (mediaType !== undefined && types.includes(mediaType)) return done();
  done(validationFailed({ errors: [{ pointer: '', detail: `Must be a body of ${types.join(' or ')}.` }] }));
};

/** Reads a body of another type up to its first byte, which is 415, or its end. */
async function requireNoContent(request: FastifyRequest, payload: Readable): Promise<null> {
  const types = mediaTypesOf(request) ?? [JSON_MEDIA_TYPE];
  const refused = (): Error => mediaTypeUnsupported({ detail: sendAs(types) });
  if (Number(request.headers['content-length'] ?? 0) > 0) throw refused();
  return new Promise((resolve, reject) => {
    payload.once('data', () => reject(refused()));
    payload.once('end', () => resolve(null));
    payload.once('error', (error) => reject(requestMalformed({ cause: error })));
  });
}

/** The `detail` of a 415 for a route that reads these media types. */
export function sendAs(types: readonly string[]): string {
  return `Send the body as ${types.join(' or ')}.`;
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
