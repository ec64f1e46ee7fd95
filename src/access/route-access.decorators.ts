import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { tokenMissing } from './access.problems.js';
import type { Principal } from './principal.js';
import { routeConfig } from './route-settings.js';

/** The part of a Fastify route's `config` that the authentication hook reads; nothing said means an access token is needed. */
export interface RouteAccess {
  readonly access?: 'public' | 'bearer-or-body';
  /** Passport strategies tried in turn instead of the access token. */
  readonly strategies?: readonly string[];
}

const routeAccess = (access: RouteAccess): MethodDecorator => routeConfig({ ...access });

/** Lets everyone call the route; such a route belongs on the written public list. */
export const Public = (): MethodDecorator => routeAccess({ access: 'public' });

/** Lets everyone pass whose body may say who they are, whatever their `Authorization` header says; the handler sees to that. */
export const BearerOrBody = (): MethodDecorator => routeAccess({ access: 'bearer-or-body' });

/** Guards the route by other Passport strategies than the access token, by name. */
export const Authenticated = (...strategies: string[]): MethodDecorator => routeAccess({ strategies });

/**
 * On a {@link BearerOrBody} route the {@link Principal} of the access token; undefined where none was sent, and where one was not accepted
 * but there is a body, which then says who is asking.
 * @throws Problem `token_invalid`, `token_expired`, `token_revoked` or `service_unavailable` where a token was not accepted and there is no body
 */
export const OptionalUser = createParamDecorator((_data: unknown, context: ExecutionContext): Principal | undefined => {
  const { user, bearerProblem, body } = context.switchToHttp().getRequest<FastifyRequest>();
  if (bearerProblem !== undefined && (body ?? undefined) === undefined) throw bearerProblem;
  return user;
});

/** The {@link Principal} that the authentication hook let in. */
export const CurrentUser = createParamDecorator((_data: unknown, context: ExecutionContext): Principal => {
  const { user } = context.switchToHttp().getRequest<FastifyRequest>();
  if (user === undefined) throw tokenMissing();
  return user;
});
