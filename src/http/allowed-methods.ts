import type { FastifyInstance } from 'fastify';

/** The routes of an application, as far as a wrong path or method must be told apart. */
export interface Routes {
  /** Methods that some route answers at this path, sorted, HEAD included where GET is; empty for an unknown path. */
  allowedMethods(url: string): string[];
}

/** Watches routes being added; call it before the first one is. */
export function trackAllowedMethods(fastify: FastifyInstance): Routes {
  const methods = new Set<string>();
  fastify.addHook('onRoute', (route) => {
    // The one for preflights, which is at every path.
    if (route.url === '*') return;
    for (const method of [route.method].flat()) methods.add(method);
  });
  return {
    allowedMethods(url) {
      const isRouted = (method: string): boolean => fastify.findRoute({ url, method }) !== null;
      return [...methods].filter(isRouted).toSorted();
    },
  };
}
