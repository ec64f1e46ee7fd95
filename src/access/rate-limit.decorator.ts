import type { FastifyRequest } from 'fastify';
import type { LimitPolicy } from '../rate-limits/limit-policies.js';
import { declaredOn, routeConfig } from './route-settings.js';

/** A limit of a route: at most `quota` requests of each user, address or key within any `seconds`. */
export interface RouteRateLimit extends LimitPolicy {
  /** A function gets the request before its body is read, with `user`, `params`, `query` and `headers`. */
  readonly by: 'user' | 'address' | ((request: FastifyRequest) => string);
}

/** The part of a Fastify route's `config` that the hook of these limits reads. */
export interface RateLimitedRoute {
  readonly rateLimits?: readonly RouteRateLimit[];
}

/**
 * Limits how often the route is called, for all nodes together; refused requests are 429 `too_many_attempts`. Several
 * stand side by side. Routes share a limit if they are given the same object.
 */
export const RateLimit =
  (limit: RouteRateLimit): MethodDecorator =>
  (target, name, descriptor: PropertyDescriptor | undefined) => {
    const declared = declaredOn(descriptor?.value).map((setting) => (setting as RateLimitedRoute).rateLimits ?? []);
    const rateLimits = [...(declared.findLast(({ length }) => length > 0) ?? []), limit];
    routeConfig({ rateLimits } satisfies RateLimitedRoute)(target, name, descriptor as PropertyDescriptor);
  };
