import { Injectable } from '@nestjs/common';
import { PassportStrategy } from '@nestjs/passport';
import type { FastifyRequest } from 'fastify';
import { Strategy } from 'passport-jwt';
import { Problem } from '../problems/problem.js';
import { readBearerToken, verifyBearerToken } from './bearer-token.js';
import type { Principal } from './principal.js';

/**
 * Registered as passport-jwt's strategy; tokens are verified by our own verifier. `authenticate`, which passport-strategy has its subclasses
 * override, asks the verifier of the request's application. Strategies are registered for the whole process, so that this one may be another application's.
 */
@Injectable()
export class JwtStrategy extends PassportStrategy(Strategy, 'jwt') {
  constructor() {
    // What the constructor asks for, and nothing here uses.
    super({ jwtFromRequest: () => null, secretOrKeyProvider: (_request, _token, done) => done(new Error('unused')) });
  }

  override authenticate(incoming: unknown): void {
    const refuse = (error: unknown): void => {
      if (error instanceof Problem && error.kind.status === 401) this.fail(error, 401);
      else this.error(error as Error);
    };
    authenticate(incoming as FastifyRequest)
      .then((user) => this.success(user), refuse)
      // What comes of telling the outcome.
      .catch((error: unknown) => this.error(error as Error));
  }

  /** What passport-jwt would call with the claims of a token that it verified itself. */
  validate(): never {
    throw new Error('The strategy verifies by authenticate');
  }
}

async function authenticate({ user, headers, server }: FastifyRequest): Promise<Principal> {
  return user ?? verifyBearerToken(readBearerToken(headers.authorization), server.accessTokenVerifier);
}
