import { Injectable } from '@nestjs/common';
import type { FastifyInstance, onRequestHookHandler } from 'fastify';
import { LoginOutcomes } from './login-outcomes.js';
import { routeConfig } from './route-settings.js';
import { PasswordsService } from '../passwords/passwords.service.js';
import { sendProblem } from '../problems/problem.filter.js';

/** The part of a Fastify route's `config` that the hash admission hook reads. */
interface HashingRoute {
  readonly hashes?: true;
}

/** Says that the route hashes or checks a password, so that it is refused at the hash admission hook while there is no time for that. */
export const HashesPassword = (): MethodDecorator => routeConfig({ hashes: true } satisfies HashingRoute);

/** Behind the authentication hook: in a storm nine of ten are turned away here, before a body is read or Nest is asked. */
@Injectable()
export class HashAdmissionHook {
  constructor(
    private readonly passwords: PasswordsService,
    private readonly logins: LoginOutcomes,
  ) {}

  /** Adds the hook to the routes that are added from now on, and to no other. */
  addHashAdmissionHook(fastify: FastifyInstance): void {
    const turn: onRequestHookHandler = (request, reply, done) => {
      const problem = this.passwords.overloadProblem();
      if (problem === undefined) return done();
      this.logins.countRefusedLogin(request.routeOptions.config, problem);
      sendProblem(problem, () => undefined, request, reply);
    };
    fastify.addHook('onRoute', (route) => {
      if ((route.config as HashingRoute | undefined)?.hashes) route.onRequest = [route.onRequest ?? [], turn].flat();
    });
  }
}
