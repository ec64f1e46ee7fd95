import type { IssuedToken } from '../tokens/tokens.service.js';

/** An access token, and the refresh token that gets the next one. */
export interface IssuedTokens extends IssuedToken {
  readonly refreshToken: string;
}
