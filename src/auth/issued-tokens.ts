import type { IssuedToken } from '../tokens/access-token-issuer.js';

/** An access token, and the refresh token that gets the next one. */
export interface IssuedTokens extends IssuedToken {
  readonly refreshToken: string;
}
