import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import type { RouteBody } from '../http/route-body.js';
import { tokenMissing } from './access.problems.js';
import type { Principal } from './principal.js';
import { isRole, ROLE_RULE, type RuledRoute } from './route-rules.js';
import { controllerConfig, routeConfig } from './route-settings.js';

/**
 * The part of a Fastify route's `config` that the authentication hook reads. A route without it needs an access token.
 */
export interface RouteAccess {
  readonly access?: 'public' | 'bearer-or-body';
  /** Passport strategies that are tried in turn, instead of the access token. */
  readonly strategies?: readonly string[];
}

const routeAccess = (access: RouteAccess): MethodDecorator => routeConfig({ ...access });

/** Lets everyone call the route. Add the route to the written list of public routes. */
export const Public = (): MethodDecorator => routeAccess({ access: 'public' });

/**
 * For a route that takes a bearer token or a credential in the body. A bad `Authorization` header does not refuse the
 * request; the handler decides.
 */
export const BearerOrBody = (): MethodDecorator => routeAccess({ access: 'bearer-or-body' });

/** Guards the route with these Passport strategies, by name, instead of the access token. */
export const Authenticated = (...strategies: string[]): MethodDecorator => routeAccess({ strategies });

/**
 * Lets only callers with one of these roles call the route, or all routes of the controller; others get 403 `forbidden`. On a
 * handler it takes the place of that on its controller.
 * @throws {TypeError} without roles, or for a text that is no role
 */
export function Roles(...roles: readonly [string, ...string[]]): MethodDecorator & ClassDecorator {
  if (roles.length === 0 || !roles.every(isRole)) {
    const flaw = roles.length === 0 ? 'names no role' : `names what is none. ${ROLE_RULE}`;
    throw new TypeError(`@Roles(${roles.map((role) => JSON.stringify(role)).join(', ')}) ${flaw}`);
  }
  return ruleDecorator({ roles: Object.freeze([...roles]) });
}

/**
 * Lets only callers call the route, or all routes of the controller, who have proved to read mail to their address; others get 403
 * `email_unverified`.
 */
export const EmailVerified = (): MethodDecorator & ClassDecorator => ruleDecorator({ emailVerified: true });

function ruleDecorator(rule: RuledRoute): MethodDecorator & ClassDecorator {
  const setting = { ...rule };
  return (target: object, name?: string | symbol, descriptor?: PropertyDescriptor): void => {
    if (name === undefined || descriptor === undefined) controllerConfig(setting)(target as () => void);
    else routeConfig(setting)(target, name, descriptor);
  };
}

/** The part of a Fastify route's `config` that the hash admission hook reads. */
export interface HashingRoute {
  readonly hashes?: true;
}

/** For a route that hashes or verifies a password: it is refused with 503 while the hash threads are overloaded. */
export const HashesPassword = (): MethodDecorator => routeConfig({ hashes: true } satisfies HashingRoute);

/** The part of a Fastify route's `config` that marks a login. */
export interface LoginRoute {
  readonly isLogin?: true;
}

/** For a route whose requests are counted as logins, also those that a hook refuses. */
export const CountsAsLogin = (): MethodDecorator => routeConfig({ isLogin: true } satisfies LoginRoute);

/** The part of a Fastify route's `config` that the limit of requests per address reads. */
export interface ExemptRoute {
  readonly isUnlimited?: true;
}

/** Exempts the route from the limit of requests per address; for probes. */
export const Unlimited = (): MethodDecorator => routeConfig({ isUnlimited: true } satisfies ExemptRoute);

/**
 * Sets the most bytes of a body that the route reads; without it they follow from the body's schema, up to 16 KiB. A
 * larger body needs longer to arrive: `seconds`, if `REQUEST_TIMEOUT_SECONDS` are too few, is the time for it from
 * the moment when the request has passed authentication. On a route that strangers may call, they end the start.
 */
export const BodyLimit = (bytes: number, { seconds }: { readonly seconds?: number } = {}): MethodDecorator =>
  routeConfig({ bodyLimit: bytes, ...(seconds !== undefined && { bodySeconds: seconds }) } satisfies RouteBody);

/** The request that a parameter decorator is called for. `switchToHttp()` makes three functions: 200 ns instead of 30. */
const requestOf = (context: ExecutionContext): FastifyRequest => context.getArgByIndex<FastifyRequest>(0);

/**
 * The {@link Principal} of the access token, on a {@link BearerOrBody} route. Undefined where no token was sent, or
 * where there is a body and the token was not accepted.
 * @throws Problem `token_invalid`, `token_expired`, `token_revoked`, `token_stale` or `service_unavailable` where the
 *   token was not accepted and there is no body
 */
export const OptionalUser = createParamDecorator((_data: unknown, context: ExecutionContext): Principal | undefined => {
  const { user, bearerProblem, body } = requestOf(context);
  if (bearerProblem !== undefined && (body ?? undefined) === undefined) throw bearerProblem;
  return user;
});

/**
 * The {@link Principal} that the authentication hook or a guard authenticated.
 * @throws Problem `token_missing` where neither did
 */
export const CurrentUser = createParamDecorator((_data: unknown, context: ExecutionContext): Principal => {
  const { user } = requestOf(context);
  if (user === undefined) throw tokenMissing();
  return user;
});
