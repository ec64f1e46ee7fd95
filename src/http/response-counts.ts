import type { FastifyInstance } from 'fastify';

/** How many responses of one kind were sent since the start. */
export interface ResponseCount {
  readonly method: string;
  /** The route's pattern, never the URL; empty where there is none. */
  readonly route: string;
  readonly status: number;
  count: number;
}

/** Counts the responses of every route. Memory is bounded by the routes, their methods and their statuses. */
export function countResponses(fastify: FastifyInstance): () => Iterable<ResponseCount> {
  const counts = new Map<string, ResponseCount>();
  fastify.addHook('onResponse', (request, reply, done) => {
    const { url: route = '' } = request.routeOptions;
    const { statusCode: status } = reply;
    const key = `${request.method} ${route} ${status}`;
    const known = counts.get(key);
    if (known) known.count++;
    else counts.set(key, { method: request.method, route, status, count: 1 });
    done();
  });
  return () => counts.values();
}
