import { Injectable } from '@nestjs/common';
import { PassportStrategy } from '@nestjs/passport';
import { ExtractJwt, Strategy } from 'passport-jwt';
import { internalError } from '../problems/framework.problems.js';
import { Problem } from '../problems/problem.js';
import { AccessTokenVerifier } from './access-token.verifier.js';
import type { Principal } from './principal.js';

type Done = (error: unknown, principal?: Principal) => void;

/**
 * passport-jwt's verifier is one for the process, so it is set once to a function without state: what
 * `secretOrKeyProvider` hands over is the application's own verifier, and the "payload" is the principal.
 */
function verifyWith(token: string, verifier: AccessTokenVerifier, _options: unknown, done: Done): void {
  const accept = (principal: Principal): void => done(null, principal);
  // passport-jwt makes a 401 of whatever it is told, and only what we say about a token is one.
  const refuse = (error: unknown): void => done(error instanceof Problem ? error : internalError({ cause: error }));
  let outcome: Principal | Promise<Principal>;
  try {
    outcome = verifier.verify(token);
  } catch (error) {
    refuse(error);
    return;
  }
  if (outcome instanceof Promise) outcome.then(accept, refuse);
  else accept(outcome);
}

Object.assign(Strategy, { JwtVerifier: verifyWith });

@Injectable()
export class JwtStrategy extends PassportStrategy(Strategy, 'jwt') {
  constructor(verifier: AccessTokenVerifier) {
    super({
      jwtFromRequest: ExtractJwt.fromAuthHeaderAsBearerToken(),
      // Typed as a secret; verifyWith receives it as it is.
      secretOrKeyProvider: (_request, _token, done) => done(null, verifier as unknown as string),
    });
  }

  /** The principal as the token says it; asks nobody. */
  validate(principal: Principal): Principal {
    return principal;
  }
}
