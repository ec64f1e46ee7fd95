import { Injectable } from '@nestjs/common';
import { PassportStrategy } from '@nestjs/passport';
import type { FastifyRequest } from 'fastify';
import { Strategy } from 'passport-jwt';
import { Problem } from '../problems/problem.js';
import { unsharedProblem } from './access.problems.js';
import { readBearerToken, verifyBearerToken } from './bearer-token.js';
import { AccessTokenVerifier } from './access-token.verifier.js';
import type { Principal } from './principal.js';

/**
 * The strategy `jwt`. Overrides `authenticate`, as passport-strategy documents for subclasses, to verify tokens with
 * our own verifier instead of passport-jwt's.
 */
@Injectable()
export class JwtStrategy extends PassportStrategy(Strategy, 'jwt') {
  constructor(private readonly verifier: AccessTokenVerifier) {
    // Required by the constructor; not used.
    super({ jwtFromRequest: () => null, secretOrKeyProvider: (_request, _token, done) => done(new Error('unused')) });
  }

  override authenticate(incoming: unknown): void {
    const settle = (outcome: Principal | Problem): void => {
      if (!(outcome instanceof Problem)) this.success(outcome);
      else if (outcome.kind.status === 401) this.fail(unsharedProblem(outcome), 401);
      else this.error(outcome);
    };
    verifyRequest(incoming as FastifyRequest, this.verifier)
      .then(settle)
      // Also an error thrown by `success` or `fail`.
      .catch((error: unknown) => this.error(error as Error));
  }

  /** passport-jwt would call this after its own verification, which never runs. */
  validate(): never {
    throw new Error('JwtStrategy verifies tokens in authenticate()');
  }
}

async function verifyRequest(
  { user, headers }: FastifyRequest,
  verifier: AccessTokenVerifier,
): Promise<Principal | Problem> {
  return user ?? verifyBearerToken(readBearerToken(headers.authorization), verifier);
}
