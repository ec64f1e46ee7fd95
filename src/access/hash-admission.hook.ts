import { Injectable } from '@nestjs/common';
import type { FastifyInstance, onRequestHookHandler } from 'fastify';
import { LoginCounter } from './login-counter.js';
import type { HashingRoute } from './route-access.decorators.js';
import { PasswordsService } from '../passwords/passwords.service.js';
import { sendProblem } from '../problems/problem.filter.js';

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
