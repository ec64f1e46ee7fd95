import type { FastifyInstance } from 'fastify';

/** How long a browser may remember the answer to a preflight. */
const MAX_AGE_SECONDS = 600;

/**
 * Lets pages of these origins, exactly as they are written, call the service from a browser (Fetch Standard, CORS protocol).
 * Without credentials: tokens travel in headers that a page sets, never in cookies. After the wire and before the gate, so
 * that a preflight needs no token.
 */
export async function useCors(fastify: FastifyInstance, origins: readonly string[]): Promise<void> {
  // Loaded where it is used, so that nobody else's start waits for it.
  const { fastifyCors } = await import('@fastify/cors');
  await fastify.register(fastifyCors, {
    origin: [...origins],
    methods: ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'],
    allowedHeaders: ['authorization', 'content-type'],
    exposedHeaders: ['retry-after', 'ratelimit', 'ratelimit-policy', 'www-authenticate', 'x-request-id'],
    credentials: false,
    maxAge: MAX_AGE_SECONDS,
    strictPreflight: false,
  });
}
