import { Injectable } from '@nestjs/common';
import { PassportStrategy } from '@nestjs/passport';
import type { FastifyRequest } from 'fastify';
import { Strategy } from 'passport-jwt';
import { Problem } from '../problems/problem.js';
import { unsharedProblem } from './access.problems.js';
import { readBearerToken, verifyBearerToken } from './bearer-token.js';
import type { VerificationOutcome } from './access-token.verifier.js';

/**
 * The strategy `jwt`. Overrides `authenticate`, as passport-strategy documents for subclasses, to verify tokens with
 * our own verifier instead of passport-jwt's. passport registers strategies for the whole process, so this one may
 * serve a request of another application in it: it uses the verifier of the request's application.
 */
@Injectable()
export class JwtStrategy extends PassportStrategy(Strategy, 'jwt') {
  constructor() {
    // Required by the constructor; not used.
    super({ jwtFromRequest: () => null, secretOrKeyProvider: (_request, _token, done) => done(new Error('unused')) });
  }

  override authenticate(incoming: unknown): void {
    const settle = (outcome: VerificationOutcome): void => {
      if (!(outcome instanceof Problem)) this.success(outcome);
      else if (outcome.kind.status === 401) this.fail(unsharedProblem(outcome), 401);
      else this.error(outcome);
    };
    authenticate(incoming as FastifyRequest)
      .then(settle)
      // Also an error thrown by `success` or `fail`.
      .catch((error: unknown) => this.error(error as Error));
  }

  /** passport-jwt would call this after its own verification, which never runs. */
  validate(): never {
    throw new Error('JwtStrategy verifies tokens in authenticate()');
  }
}

async function authenticate({ user, headers, server }: FastifyRequest): Promise<VerificationOutcome> {
  return user ?? verifyBearerToken(readBearerToken(headers.authorization), server.accessTokenVerifier);
}
