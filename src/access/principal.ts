import type { Problem } from '../problems/problem.js';

/** Who is calling, as the verified access token says; no database was asked. */
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
    /** Set by the authentication hook, or by passport under its own name for the same thing. */
    user?: Principal;
    /** Why the token of a route that may also be called by its body was not accepted: 401 or 503. */
    bearerProblem?: Problem;
  }
}
