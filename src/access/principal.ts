import type { Problem } from '../problems/problem.js';

/** The caller, from the verified access token alone; the database was not queried. */
export interface Principal {
  readonly userId: string;
  readonly email: string;
  readonly sessionId: string;
  /** The token's `jti`. */
  readonly tokenId: string;
  readonly clientId: string;
  readonly expiresAt: Date;
}

declare module 'fastify' {
  interface FastifyRequest {
    /** Set by the authentication hook; passport uses the same name. */
    user?: Principal;
    /** On a route with `@BearerOrBody()`: why the bearer token was not accepted (401 or 503). */
    bearerProblem?: Problem;
  }
}
