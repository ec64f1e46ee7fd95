import { Injectable } from '@nestjs/common';
import passport, { type Strategy } from 'passport';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { Problem } from '../problems/problem.js';
import { isCompactJws } from '../verifier/compact-jws.js';
import { AccessTokenVerifier } from './access-token.verifier.js';
import { tokenInvalid, tokenMissing } from './access.problems.js';
import { JwtStrategy } from './jwt.strategy.js';
import type { Principal } from './principal.js';
import type { RouteAccess } from './route-access.decorators.js';

/** As clients write it; any other spelling goes the long way. */
const BEARER = 'Bearer ';

type Authenticate = (request: FastifyRequest, reply: FastifyReply, next: (error?: unknown) => void) => void;

/** Refuses before any body is read; closed unless a route says otherwise. */
@Injectable()
export class Gate {
  readonly #byName = new Map<string, Authenticate>();

  constructor(
    private readonly jwt: JwtStrategy,
    private readonly verifier: AccessTokenVerifier,
  ) {}

  /** Adds the hook. After the wire's own, which has answered unknown paths and wrong methods already. */
  guard(fastify: FastifyInstance): void {
    fastify.decorateRequest('user');
    fastify.addHook('onRequest', (request, reply, done) => {
      const { access, strategies } = request.routeOptions.config as RouteAccess;
      if (access === 'public') return done();
      const { authorization } = request.headers;
      if (access === 'bearer-or-body' && authorization === undefined) return done();
      const token = strategies === undefined ? bearerToken(authorization) : undefined;
      // What passport would find after all its machinery; whatever is not known for sure is left to it.
      if (token !== undefined && !isCompactJws(token)) return done(tokenInvalid());
      const known = token === undefined ? undefined : this.verifier.recall(token);
      if (known === undefined) return this.#authenticate(strategies)(request, reply, done as (error?: unknown) => void);
      request.user = known;
      done();
    });
  }

  #authenticate(names: readonly string[] = []): Authenticate {
    const id = names.join(' ');
    const known = this.#byName.get(id);
    if (known !== undefined) return known;
    // Named strategies are passport's, one for the process; ours is this application's.
    const chosen = names.length > 0 ? [...names] : (this.jwt as Strategy);
    const authenticate = passportGate(chosen);
    this.#byName.set(id, authenticate);
    return authenticate;
  }
}

function bearerToken(authorization: string | undefined): string | undefined {
  return authorization?.startsWith(BEARER) ? authorization.slice(BEARER.length) : undefined;
}

function passportGate(strategy: string[] | Strategy): Authenticate {
  return (request, reply, next) => {
    const settle = (error: unknown, user?: Principal | false | null, info?: unknown): void => {
      if (user) request.user = user;
      next(error ?? (user ? undefined : refusal(request, info)));
    };
    // Passport hangs this request's outcome on the strategy. Of one by name it makes a copy itself, of an instance it does not.
    const own = Array.isArray(strategy) ? strategy : (Object.create(strategy) as Strategy);
    const enter: unknown = passport.authenticate(own, { session: false }, settle);
    (enter as Authenticate)(request, reply, next);
  };
}

/** A strategy's own problem, else 401: with an error code only when credentials were sent (RFC 6750 section 3.1). */
function refusal(request: FastifyRequest, info: unknown): Problem {
  const reasons = [info].flat();
  const problem = reasons.find((reason) => reason instanceof Problem);
  if (problem !== undefined) return problem;
  return /^bearer(?: |$)/i.test(request.headers.authorization ?? '') ? tokenInvalid() : tokenMissing();
}
