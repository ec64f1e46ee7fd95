import type { FastifyInstance } from 'fastify';
import { BODY_LIMIT_BYTES, largestBodyOf } from './body-limit.js';

/**
 * Gives each route added afterwards whose body has one of these schemas the other in its place, and lets it read as many bytes
 * as that allows, but no less than other routes. Call it before the HTTP layer is registered. The start fails where no route has one of them.
 */
export function replaceBodySchemas(fastify: FastifyInstance, replacements: ReadonlyMap<object, object>): void {
  const missing = new Set<unknown>(replacements.keys());
  fastify.addHook('onRoute', (route) => {
    const given = route.schema?.body as object;
    const body = replacements.get(given);
    if (body === undefined) return;
    missing.delete(given);
    route.schema = { ...route.schema, body };
    const largest = largestBodyOf(body);
    if (largest !== Infinity) route.bodyLimit = Math.max(largest, BODY_LIMIT_BYTES);
  });
  fastify.addHook('onReady', (done) => {
    done(missing.size === 0 ? undefined : new Error(`${missing.size} body schemas to be replaced belong to no route`));
  });
}
