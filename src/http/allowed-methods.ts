import type { FastifyInstance, FastifyRequest } from 'fastify';
import { methodNotAllowed, notFound, requestMalformed } from '../problems/http-status.problems.js';
import type { Problem } from '../problems/problem.js';
import { isMalformed, type Query } from './query-string.js';

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

/** The problem of a request that no route takes: 404, 405, or 400 where its path or query is malformed. */
export function notRouted(request: FastifyRequest, allowedMethods: AllowedMethods): Problem {
  if (isMalformed(request.query as Query) || request.url.includes('%00')) return requestMalformed();
  const allowed = allowedMethods(request.url);
  return allowed.length === 0 ? notFound() : methodNotAllowed({ headers: { allow: allowed.join(', ') } });
}
