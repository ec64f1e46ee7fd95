import { Injectable } from '@nestjs/common';
import type { FastifyInstance, onRequestHookHandler } from 'fastify';
import { LoginCounter } from './login-counter.js';
import { routeConfig } from './route-settings.js';
import { PasswordsService } from '../passwords/passwords.service.js';
import { sendProblem } from '../problems/problem.filter.js';

/** The part of a Fastify route's `config` that this hook reads. */
interface HashingRoute {
  readonly hashes?: true;
}

/** For a route that hashes or verifies a password: it is refused with 503 while the hash threads are overloaded. */
export const HashesPassword = (): MethodDecorator => routeConfig({ hashes: true } satisfies HashingRoute);

/**
 * Refuses requests that would wait too long for a hash. Runs after the authentication hook, before the body is
 * read and before Nest's handler.
 */
@Injectable()
export class HashAdmissionHook {
  constructor(
    private readonly passwords: PasswordsService,
    private readonly logins: LoginCounter,
  ) {}

  /** Adds the hook to the routes with {@link HashesPassword} that are registered from now on. */
  addHashAdmissionHook(fastify: FastifyInstance): void {
    const refuseOverload: onRequestHookHandler = (request, reply, done) => {
      const problem = this.passwords.overloadProblem();
      if (problem === undefined) return done();
      this.logins.countRefusedLogin(request.routeOptions.config, problem);
      sendProblem(problem, () => undefined, request, reply);
    };
    fastify.addHook('onRoute', (route) => {
      if ((route.config as HashingRoute | undefined)?.hashes)
        route.onRequest = [route.onRequest ?? [], refuseOverload].flat();
    });
  }
}
