import type { FastifyInstance } from 'fastify';

/** The methods that a path has, sorted, HEAD included where GET is; empty for an unknown path. */
export type AllowedMethods = (url: string) => string[];

/** Collects the methods of all routes added afterwards; call it before the first route is added. */
export function trackAllowedMethods(fastify: FastifyInstance): AllowedMethods {
  const methods = new Set<string>();
  fastify.addHook('onRoute', (route) => {
    // The CORS preflight route, which matches every path.
    if (route.url === '*') return;
    for (const method of [route.method].flat()) methods.add(method);
  });
  return (url) => {
    const isRouted = (method: string): boolean => fastify.findRoute({ url, method }) !== null;
    return [...methods].filter(isRouted).toSorted();
  };
}
