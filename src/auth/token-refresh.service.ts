import { Injectable } from '@nestjs/common';
import type { ClientInfo } from '../http/client-info.js';
import { refundUnlessChecked } from '../rate-limits/admitted-attempt.js';
import { RateLimitsService } from '../rate-limits/rate-limits.service.js';
import { serviceUnavailable } from '../problems/http-status.problems.js';
import type { RefreshTokenContent } from '../sessions/refresh-token-codec.js';
import { RefreshTokensService, type RefreshedSession } from '../sessions/refresh-tokens.service.js';
import { AccessTokenIssuer } from '../tokens/access-token-issuer.js';
import { ClaimsService } from '../users/claims.service.js';
import type { IssuedTokens } from './issued-tokens.js';

/** How often a user may change during one refresh before that is answered with 503. */
const MAX_ATTEMPTS = 5;

@Injectable()
export class TokenRefreshService {
  constructor(
    private readonly exchange: RefreshTokensService,
    private readonly tokens: AccessTokenIssuer,
    private readonly limits: RateLimitsService,
    private readonly claims: ClaimsService,
  ) {}

  /**
   * Exchanges a refresh token for new tokens.
   * @throws Problem `refresh_token_invalid`, `refresh_token_expired`, `refresh_token_reused` or `too_many_attempts`.
   */
  async refreshTokens(refreshToken: string, client: ClientInfo): Promise<IssuedTokens> {
    this.tokens.requireSigningKey();
    const token = this.exchange.readRefreshToken(refreshToken);
    const attempt = await this.limits.admitRefresh(token.sessionId, client.address);
    const {
      user,
      sessionId,
      secondsLeft,
      refreshToken: successor,
    } = await refundUnlessChecked(attempt, () =>
      this.claims.isUsed ? this.#refreshWithClaims(token, client) : this.exchange.refreshSession(token, client),
    );
    return { ...this.tokens.issueAccessToken(user, sessionId, secondsLeft), refreshToken: successor };
  }

  /** Reads the user before the session is refreshed, since the application may refuse to say what the token says. */
  async #refreshWithClaims(token: RefreshTokenContent, client: ClientInfo): Promise<RefreshedSession> {
    for (let attempts = 0; attempts < MAX_ATTEMPTS; attempts++) {
      const read = await this.exchange.readSessionUser(token, client);
      const user = this.claims.withClaims(read);
      const session = await this.exchange.refreshSessionOfVersion(token, client, read.version);
      if (session !== undefined) return { ...session, user };
    }
    throw serviceUnavailable();
  }
}
