import { Injectable } from '@nestjs/common';
import passport from 'passport';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { sendProblem } from '../problems/problem.filter.js';
import { Problem } from '../problems/problem.js';
import { AccessTokenVerifier, type VerificationOutcome } from './access-token.verifier.js';
import { tokenExpired, tokenInvalid, tokenMissing, unsharedProblem } from './access.problems.js';
import { readBearerToken, verifyBearerToken } from './bearer-token.js';
import { EndedSignals } from './ended-signals.js';
import { expiryOf, TokenPrincipal, type Principal } from './principal.js';
import { ApplicationStrategies } from './application-strategies.js';
import type { RouteAccess } from './route-access.decorators.js';
import { refusalByRules, type RuledRoute } from './route-rules.js';

type Done = (error?: Error) => void;
type Settle = (outcome: Principal | Error) => void;
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
    const settle: Settle = (outcome) => {
      if (outcome instanceof Problem && isOptional) {
        request.bearerProblem = unsharedProblem(outcome);
        return done();
      }
      if (outcome instanceof Problem) return refuse(outcome, request, reply);
      if (outcome instanceof Error) return done(outcome);
      const refusal = refusalByRules(outcome, rules);
      if (refusal !== undefined) return refuse(refusal, request, reply);
      request.user = outcome;
      done();
    };
    if (strategies === undefined) this.#verifyToken(token, settle);
    else this.#middlewareFor(strategies)(request, reply, settle);
  }

  #verifyToken(token: string | undefined, settle: Settle): void {
    let outcome: VerificationOutcome | Promise<VerificationOutcome>;
    try {
      outcome = verifyBearerToken(token, this.verifier);
    } catch (error) {
      settle(error as Error);
      return;
    }
    if (outcome instanceof Promise) outcome.then(settle, settle);
    else settle(outcome);
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

/** passport knows strategies by name, for the whole process; {@link ApplicationStrategies} finds those of the application. */
function passportMiddleware(strategies: readonly string[]): PassportMiddleware {
  return (request, reply, settle) => {
    const done = (error: Error | null, user?: Principal | false | null, info?: unknown): void =>
      settle(error ?? (user ? unlessExpired(user) : passportProblem(request, info)));
    const middleware: unknown = passport.authenticate([...strategies], { session: false }, done);
    // A strategy that calls `pass()` has authenticated nobody.
    const next = (error?: Error): void => settle(error ?? tokenMissing());
    (middleware as (request: FastifyRequest, reply: FastifyReply, next: Done) => void)(request, reply, next);
  };
}

/** The user of a strategy, or why there is none. A token was checked by the verifier, with its tolerance for clocks. */
function unlessExpired(user: Principal): Principal | Error {
  if (user instanceof TokenPrincipal) return user;
  try {
    return Date.now() / 1000 < expiryOf(user) ? user : tokenExpired({ detail: 'The credential has expired.' });
  } catch (error) {
    return error as Error;
  }
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
