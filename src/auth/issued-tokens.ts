import type { IssuedToken } from '../tokens/access-token-issuer.js';
import type { TokenResponse } from './auth.schemas.js';

/** An access token, and the refresh token that gets the next one. */
export interface IssuedTokens extends IssuedToken {
  readonly refreshToken: string;
}

/** The members of RFC 6749 section 5.1. */
export function tokenResponse({ accessToken, expiresInSeconds, refreshToken }: IssuedTokens): TokenResponse {
  return {
    access_token: accessToken,
    token_type: 'Bearer',
    expires_in: expiresInSeconds,
    refresh_token: refreshToken,
  };
}
