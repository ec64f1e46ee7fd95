import { Injectable } from '@nestjs/common';
import passport, { type Strategy, type StrategyCreatedStatic } from 'passport';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { sendProblem } from '../problems/problem.filter.js';
import { Problem } from '../problems/problem.js';
import { isCompactJws } from '../verifier/compact-jws.js';
import { AccessTokenVerifier } from './access-token.verifier.js';
import { tokenInvalid, tokenMissing } from './access.problems.js';
import { JwtStrategy } from './jwt.strategy.js';
import type { Principal } from './principal.js';
import type { RouteAccess } from './route-access.decorators.js';

/** As clients write it; any other spelling goes the long way. */
const BEARER = 'Bearer ';

type Done = (error?: Error) => void;
type Settle = (outcome: Principal | Error) => void;
type PassportEntrance = (request: FastifyRequest, reply: FastifyReply, settle: Settle) => void;

interface Asked {
  readonly token: string | undefined;
  readonly strategies: readonly string[] | undefined;
  /** Whether the body may say who it is, so that a header refuses nobody before it is read. */
  readonly isOptional: boolean;
}

/** Refuses before any body is read; closed unless a route says otherwise. */
@Injectable()
export class Gate {
  readonly #byName = new Map<string, PassportEntrance>();

  constructor(
    private readonly jwt: JwtStrategy,
    private readonly verifier: AccessTokenVerifier,
  ) {}

  /** Adds the hook. After the wire's own, which has answered unknown paths and wrong methods already. */
  guard(fastify: FastifyInstance): void {
    fastify.decorateRequest('user');
    fastify.decorateRequest('bearerProblem');
    fastify.addHook('onRequest', (request, reply, done) => {
      const { access, strategies } = request.routeOptions.config as RouteAccess;
      if (access === 'public') return done();
      const { authorization } = request.headers;
      if (access === 'bearer-or-body' && authorization === undefined) return done();
      const token = strategies === undefined ? bearerToken(authorization) : undefined;
      const known = token === undefined ? undefined : this.verifier.recall(token);
      if (known === undefined)
        return this.#ask(request, reply, done, { token, strategies, isOptional: access !== undefined });
      request.user = known;
      done();
    });
  }

  /** Apart, so that a request that is known pays for no closure. */
  #ask(request: FastifyRequest, reply: FastifyReply, done: Done, { token, strategies, isOptional }: Asked): void {
    const settle: Settle = (outcome) => {
      if (outcome instanceof Problem && isOptional) {
        request.bearerProblem = outcome;
        return done();
      }
      // Nest's exception handler has nothing to add to a refusal.
      if (outcome instanceof Problem) return sendProblem(outcome, () => undefined, request, reply);
      if (outcome instanceof Error) return done(outcome);
      request.user = outcome;
      done();
    };
    // What the strategy would find after all its machinery; whatever is not known for sure is left to it.
    if (token !== undefined && !isCompactJws(token)) settle(tokenInvalid());
    else if (strategies === undefined) enterStrategy(this.jwt, request, settle);
    else this.#passport(strategies)(request, reply, settle);
  }

  #passport(strategies: readonly string[]): PassportEntrance {
    const id = strategies.join(' ');
    const enter = this.#byName.get(id) ?? passportEntrance(strategies);
    this.#byName.set(id, enter);
    return enter;
  }
}

function bearerToken(authorization: string | undefined): string | undefined {
  return authorization?.startsWith(BEARER) ? authorization.slice(BEARER.length) : undefined;
}

/** What passport does with one strategy; its middleware around that takes four times as long. */
function enterStrategy(strategy: Strategy, request: FastifyRequest, settle: Settle): void {
  const isNobody = (): void => settle(tokenMissing());
  const outcomes: StrategyCreatedStatic = {
    success: (user) => settle(user as Principal),
    fail: (info) => settle(refusal(request, info)),
    error: settle,
    pass: isNobody,
    redirect: isNobody,
  };
  // A strategy tells the outcome to itself, so each request has its own.
  const attempt: unknown = Object.assign(Object.create(strategy) as object, outcomes);
  strategy.authenticate.call(attempt as never, request as never);
}

/** Strategies by name are passport's, one for the process. */
function passportEntrance(strategies: readonly string[]): PassportEntrance {
  return (request, reply, settle) => {
    const done = (error: Error | null, user?: Principal | false | null, info?: unknown): void =>
      settle(error ?? (user || refusal(request, info)));
    const enter: unknown = passport.authenticate([...strategies], { session: false }, done);
    // A strategy that passes has found nobody.
    const next = (error?: Error): void => settle(error ?? tokenMissing());
    (enter as (request: FastifyRequest, reply: FastifyReply, next: Done) => void)(request, reply, next);
  };
}

/** A strategy's own problem, else 401: with an error code only when credentials were sent (RFC 6750 section 3.1). */
function refusal(request: FastifyRequest, info: unknown): Problem {
  const reasons = [info].flat();
  const problem = reasons.find((reason) => reason instanceof Problem);
  if (problem !== undefined) return problem;
  return /^bearer(?: |$)/i.test(request.headers.authorization ?? '') ? tokenInvalid() : tokenMissing();
}
