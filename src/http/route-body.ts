import type { FastifyInstance, FastifyRequest, RouteOptions } from 'fastify';
import { BODY_LIMIT_BYTES, largestBodyOf } from './body-limit.js';

export const JSON_MEDIA_TYPE = 'application/json';

/** The part of a Fastify route's `config` that says how much of a body it reads, and for how long. */
export interface RouteBody {
  /** Most bytes of a body. Without it the limit follows from the schema, up to `BODY_LIMIT_BYTES`. */
  readonly bodyLimit?: number;
  /** Seconds in which the body must arrive, if they are more than `REQUEST_TIMEOUT_SECONDS`. */
  readonly bodySeconds?: number;
}

const MAX_BODY_LIMIT_BYTES = 2 ** 30;
const MAX_BODY_SECONDS = 3600;

/** Key of the media types in the `config` of a route. */
const MEDIA_TYPES = Symbol('media types');
type Config = RouteBody & { [MEDIA_TYPES]?: readonly string[] };

/** A body schema, or one for each media type, as OpenAPI and Fastify have it. */
interface BodySchema {
  readonly content?: Readonly<Record<string, { readonly schema?: object }>>;
}

/** A media type as Fastify looks it up: in small letters, without parameters (RFC 9110 section 8.3.1). */
const MEDIA_TYPE = /^[a-z0-9!#$&^_.+-]+\/[a-z0-9!#$&^_.+-]+$/;

/** The media types that a route's body schema lists in `content`. */
export function listedMediaTypes(body: unknown): readonly string[] | undefined {
  const { content } = (body ?? {}) as BodySchema;
  return content === undefined ? undefined : Object.keys(content);
}

/** The schema of a JSON body; undefined where a body is of other types only. */
export function jsonSchemaOf(body: unknown): object | undefined {
  const { content } = (body ?? {}) as BodySchema;
  return content === undefined ? (body ?? undefined) : content[JSON_MEDIA_TYPE]?.schema;
}

export function bodyConfigOf(config: unknown): RouteBody {
  return config ?? {};
}

/** Why a route with this body schema and config cannot work, as the end of a sentence; undefined where it can. */
export function bodyFlaw(body: unknown, { bodyLimit, bodySeconds }: RouteBody): string | undefined {
  if (bodyLimit !== undefined && !isBetween(bodyLimit, 1, MAX_BODY_LIMIT_BYTES)) {
    return `has a body limit of ${bodyLimit}: it must be an integer from 1 to ${MAX_BODY_LIMIT_BYTES} (bytes).`;
  }
  const unknown = listedMediaTypes(body)?.find((type) => !MEDIA_TYPE.test(type));
  if (unknown !== undefined) {
    return `has the media type ${JSON.stringify(unknown)} in the content of its body: write it in small letters and without parameters, such as "application/json".`;
  }
  if (bodySeconds !== undefined && !isBetween(bodySeconds, 1, MAX_BODY_SECONDS)) {
    return `has ${bodySeconds} seconds for its body: they must be an integer from 1 to ${MAX_BODY_SECONDS}.`;
  }
  const schema = jsonSchemaOf(body);
  const largest = schema === undefined ? 0 : largestBodyOf(schema);
  const limit = bodyLimit ?? BODY_LIMIT_BYTES;
  if (largest === Infinity || largest <= limit) return undefined;
  return `has a body schema that allows ${largest} bytes, every character escaped, but reads ${limit}: lower the bounds of the schema, or give it @BodyLimit(${largest}).`;
}

function isBetween(value: number, min: number, max: number): boolean {
  return Number.isInteger(value) && value >= min && value <= max;
}

/**
 * Stores with each route added afterwards which media types it reads: those of its schema's `content`, or else JSON.
 * A route of a plugin may also read what the plugin has added a parser for.
 */
export function recordMediaTypes(fastify: FastifyInstance): void {
  fastify.addHook('onRoute', function (route: RouteOptions) {
    const types = listedMediaTypes(route.schema?.body) ?? (this === fastify ? [JSON_MEDIA_TYPE] : undefined);
    if (types !== undefined) route.config = Object.assign({}, route.config, { [MEDIA_TYPES]: types });
  });
}

/** The media types of the route of a request; undefined for a route of a plugin that does not list them. */
export function mediaTypesOf(request: FastifyRequest): readonly string[] | undefined {
  return (request.routeOptions.config as Config | undefined)?.[MEDIA_TYPES];
}
