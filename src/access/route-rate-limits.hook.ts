import { Injectable } from '@nestjs/common';
import type { FastifyInstance, FastifyRequest, onRequestAsyncHookHandler, RouteOptions } from 'fastify';
import { sendProblem } from '../problems/problem.filter.js';
import { Problem, type ProblemFactory } from '../problems/problem.js';
import { ApplicationRateLimits } from '../rate-limits/application-rate-limits.js';
import { clientOf } from '../rate-limits/limit-keys.js';
import { tooManyAttempts } from '../rate-limits/rate-limits.problems.js';
import type { RateLimitedRoute, RouteRateLimit } from './rate-limit.decorator.js';
import type { RouteAccess } from './route-access.decorators.js';

/** Charges requests to the limits of their routes: after the authentication hook, before the body is read. */
@Injectable()
export class RouteRateLimitsHook {
  constructor(private readonly limits: ApplicationRateLimits) {}

  /**
   * Adds the hook to the routes with `rateLimits` in their `config` that are registered from now on.
   * @throws {TypeError} while such a route is registered: for a bad limit, one that the route has twice, or one by user on
   *   a route that admits requests without one
   */
  addRateLimitsHook(fastify: FastifyInstance): void {
    fastify.addHook('onRoute', (route) => {
      const { rateLimits = [] } = (route.config ?? {}) as RateLimitedRoute;
      if (rateLimits.length === 0) return;
      for (const limit of rateLimits) this.#addLimit(limit, route);
      const repeated = rateLimits.find((limit, index) => rateLimits.indexOf(limit) !== index);
      if (repeated !== undefined) throw new TypeError(`${nameOf(route)} has the rate limit "${repeated.name}" twice.`);
      route.onRequest = [route.onRequest ?? [], this.#chargeTo(rateLimits)].flat();
    });
  }

  /** The problems that these limits add to a route with this config, for the OpenAPI document. */
  problemsOfRoute(config: unknown): readonly ProblemFactory[] {
    const { rateLimits = [] } = (config ?? {}) as RateLimitedRoute;
    return rateLimits.length > 0 && !this.limits.isOff ? [tooManyAttempts] : [];
  }

  #addLimit(limit: RouteRateLimit, route: RouteOptions): void {
    const { name, by } = limit;
    if (by !== 'user' && by !== 'address' && typeof by !== 'function') {
      throw new TypeError(`The rate limit "${name}" counts by 'user', 'address' or a function.`);
    }
    if (by === 'user' && (route.config as RouteAccess).access !== undefined) {
      throw new TypeError(`The rate limit "${name}" counts by user, but ${nameOf(route)} admits requests without one.`);
    }
    this.limits.addLimit(limit);
  }

  #chargeTo(rateLimits: readonly RouteRateLimit[]): onRequestAsyncHookHandler {
    return async (request, reply) => {
      try {
        await this.#charge(request, rateLimits);
        return undefined;
      } catch (error) {
        if (!(error instanceof Problem)) throw error;
        sendProblem(error, () => undefined, request, reply);
        return reply;
      }
    };
  }

  async #charge(request: FastifyRequest, rateLimits: readonly RouteRateLimit[]): Promise<void> {
    await this.limits.chargeUses(rateLimits.map((limit) => ({ limit, key: keyOf(limit, request) })));
  }
}

function nameOf({ method, url }: RouteOptions): string {
  return `${[method].flat().join(', ')} ${url}`;
}

function keyOf({ name, by }: RouteRateLimit, request: FastifyRequest): string {
  if (by === 'address') return clientOf(request.ip);
  if (by === 'user') return userIdOf(request, name);
  const key: unknown = by(request);
  // A promise is refused like anything that is no text, and nobody waits for it: its rejection would end the process.
  if (key instanceof Promise) key.catch(() => undefined);
  // A client may leave out what the key is made of: such requests count together.
  return (key ?? '') as string;
}

/** @throws {TypeError} for a user without one, whom a strategy of the application has made */
function userIdOf({ user, routeOptions: { config } }: FastifyRequest, limit: string): string {
  const userId: unknown = user?.userId;
  if (typeof userId === 'string' && userId !== '') return userId;
  const { strategies = [] } = config as RouteAccess;
  throw new TypeError(
    `The rate limit "${limit}" counts by user, but the user of the Passport strategy "${strategies.join('" or "')}" has no userId that is a text: return one from the strategy, or count by a function.`,
  );
}
