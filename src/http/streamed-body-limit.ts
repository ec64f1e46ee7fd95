import type { FastifyInstance, preParsingHookHandler } from 'fastify';
import { bodyTooLarge } from '../problems/http-status.problems.js';
import { ChunkLimitedRequest } from './body-chunk-limit.js';
import { JSON_MEDIA_TYPE, listedMediaTypes } from './route-body.js';

/**
 * Holds the routes that read other media types than JSON to their body limit: Fastify checks only bodies that it reads
 * itself. A larger body is 413, before the first byte is parsed if `Content-Length` says so.
 */
export function limitStreamedBodies(fastify: FastifyInstance): void {
  fastify.addHook('onRoute', (route) => {
    const { bodyLimit, schema } = route;
    const types = listedMediaTypes(schema?.body) ?? [];
    if (bodyLimit === undefined || types.every((type) => type === JSON_MEDIA_TYPE)) return;
    const limitBody: preParsingHookHandler = ({ raw, headers }, reply, payload, done) => {
      if (Number(headers['content-length'] ?? 0) > bodyLimit) return done(bodyTooLarge());
      const refuse = (): void => {
        // The handler still waits for the rest of the body, which is discarded.
        if (!reply.sent) void reply.send(bodyTooLarge());
      };
      if (raw instanceof ChunkLimitedRequest) raw.limitBody(bodyLimit, refuse);
      done(null, payload);
    };
    route.preParsing = [limitBody, route.preParsing ?? []].flat();
  });
}
