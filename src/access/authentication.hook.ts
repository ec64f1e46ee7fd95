import { Injectable } from '@nestjs/common';
import passport from 'passport';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { sendProblem } from '../problems/problem.filter.js';
import { Problem } from '../problems/problem.js';
import { AccessTokenVerifier, type VerificationOutcome } from './access-token.verifier.js';
import { tokenInvalid, tokenMissing, unsharedProblem } from './access.problems.js';
import { readBearerToken, verifyBearerToken } from './bearer-token.js';
import { EndedSignals } from './ended-signals.js';
import type { Principal } from './principal.js';
import { ApplicationStrategies } from './application-strategies.js';
import type { RouteAccess } from './route-access.decorators.js';
import { refusalByRules, type RuledRoute } from './route-rules.js';
import { errorOfStrategy } from './strategy-errors.js';

/** Apart from each other, since a strategy may have anything as its user, and refuse with anything. */
type Outcome = { readonly user: Principal } | { readonly error: Error };

type Done = (error?: Error) => void;
type Settle = (outcome: Outcome) => void;
type PassportMiddleware = (request: FastifyRequest, reply: FastifyReply, settle: Settle) => void;

interface AuthenticationInput {
  readonly token: string | undefined;
  readonly strategies: readonly string[] | undefined;
  readonly rules: RuledRoute;
  /**
   * Whether the body may hold a credential instead, so that a bad header does not refuse the
   * request before the body is read.
   */
  readonly isOptional: boolean;
}

/**
 * Authenticates a request before its body is read. A route needs an access token unless its decorators say otherwise.
 */
@Injectable()
export class AuthenticationHook {
  readonly #middlewareByStrategies = new Map<string, PassportMiddleware>();

  constructor(
    private readonly verifier: AccessTokenVerifier,
    private readonly endedSignals: EndedSignals,
    private readonly strategies: ApplicationStrategies,
  ) {}

  /** Call it after the hooks of `http/`, which answer unknown paths and wrong methods. */
  addAuthenticationHook(fastify: FastifyInstance): void {
    fastify.decorate('endedSignals', this.endedSignals);
    this.strategies.collectStrategies(fastify);
    fastify.decorateRequest('user');
    fastify.decorateRequest('bearerProblem');
    fastify.addHook('onRequest', (request, reply, done) => {
      const rules = request.routeOptions.config as RouteAccess & RuledRoute;
      const { access, strategies } = rules;
      if (access === 'public') return done();
      const { authorization } = request.headers;
      if (access === 'bearer-or-body' && authorization === undefined) return done();
      const token = strategies === undefined ? readBearerToken(authorization) : undefined;
      const known = token === undefined ? undefined : this.verifier.findVerifiedPrincipal(token);
      if (known === undefined) {
        const isOptional = access === 'bearer-or-body';
        return this.#authenticate(request, reply, done, { token, strategies, rules, isOptional });
      }
      const refusal = refusalByRules(known, rules);
      if (refusal !== undefined) return refuse(refusal, request, reply);
      request.user = known;
      done();
    });
  }

  /** A method of its own, so that a request with a cached token allocates no closure. */
  #authenticate(
    request: FastifyRequest,
    reply: FastifyReply,
    done: Done,
    { token, strategies, rules, isOptional }: AuthenticationInput,
  ): void {
    let isSettled = false;
    const settle: Settle = (outcome) => {
      // A second outcome would run the handler again.
      if (isSettled) return;
      isSettled = true;
      const error = 'error' in outcome ? outcome.error : errorByRules(outcome.user, rules);
      if (error instanceof Problem && isOptional) {
        request.bearerProblem = unsharedProblem(error);
        return done();
      }
      if (error instanceof Problem) return refuse(error, request, reply);
      if (error !== undefined) return done(error);
      if ('user' in outcome) request.user = outcome.user;
      done();
    };
    if (strategies === undefined) this.#verifyToken(token, settle);
    else this.#middlewareFor(strategies)(request, reply, settle);
  }

  #verifyToken(token: string | undefined, settle: Settle): void {
    const settleVerified = (outcome: VerificationOutcome): void =>
      settle(outcome instanceof Problem ? { error: outcome } : { user: outcome });
    const settleError = (error: unknown): void => settle({ error: error as Error });
    let outcome: VerificationOutcome | Promise<VerificationOutcome>;
    try {
      outcome = verifyBearerToken(token, this.verifier);
    } catch (error) {
      settleError(error);
      return;
    }
    if (outcome instanceof Promise) outcome.then(settleVerified, settleError);
    else settleVerified(outcome);
  }

  #middlewareFor(strategies: readonly string[]): PassportMiddleware {
    const id = strategies.join(' ');
    const middleware = this.#middlewareByStrategies.get(id) ?? passportMiddleware(strategies);
    this.#middlewareByStrategies.set(id, middleware);
    return middleware;
  }
}

/** Not thrown to Nest's exception handler, which would add cost and nothing else. */
function refuse(problem: Problem, request: FastifyRequest, reply: FastifyReply): void {
  sendProblem(problem, () => undefined, request, reply);
}

/** Why the rules of the route refuse the caller; also what a user of a strategy throws when it is read. */
function errorByRules(user: Principal, rules: RuledRoute): Error | undefined {
  try {
    return refusalByRules(user, rules);
  } catch (error) {
    return errorOfStrategy(error);
  }
}

/** passport knows strategies by name, for the whole process; {@link ApplicationStrategies} finds those of the application. */
function passportMiddleware(strategies: readonly string[]): PassportMiddleware {
  return (request, reply, settle) => {
    // passport has null where there is no error, and anything that a strategy refused with where there is one.
    const done = (error: unknown, user?: Principal | false | null, info?: unknown): void => {
      if (error !== null) settle({ error: errorOfStrategy(error) });
      else settle(user ? { user } : { error: passportProblem(request, info) });
    };
    const middleware: unknown = passport.authenticate([...strategies], { session: false }, done);
    // A strategy that calls `pass()` has authenticated nobody.
    const next = (error?: Error): void => settle({ error: error ?? tokenMissing() });
    (middleware as (request: FastifyRequest, reply: FastifyReply, next: Done) => void)(request, reply, next);
  };
}

/**
 * The problem that a strategy failed with, or else a 401, with an error code only if a token was
 * sent (RFC 6750 section 3.1).
 */
function passportProblem(request: FastifyRequest, info: unknown): Problem {
  const reasons = [info].flat();
  const problem = reasons.find((reason) => reason instanceof Problem);
  if (problem !== undefined) return problem;
  return readBearerToken(request.headers.authorization) === undefined ? tokenMissing() : tokenInvalid();
}
