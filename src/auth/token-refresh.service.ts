import { Injectable } from '@nestjs/common';
import type { ClientInfo } from '../http/client-info.js';
import { refundUnlessChecked } from '../rate-limits/admitted-attempt.js';
import { RateLimitsService } from '../rate-limits/rate-limits.service.js';
import { SessionsService } from '../sessions/sessions.service.js';
import { AccessTokenIssuer } from '../tokens/access-token-issuer.js';
import type { IssuedTokens } from './issued-tokens.js';

@Injectable()
export class TokenRefreshService {
  constructor(
    private readonly sessions: SessionsService,
    private readonly tokens: AccessTokenIssuer,
    private readonly limits: RateLimitsService,
  ) {}

  /**
   * Exchanges a refresh token for new tokens.
   * @throws Problem `refresh_token_invalid`, `refresh_token_expired`, `refresh_token_reused` or `too_many_attempts`.
   */
  async refreshTokens(refreshToken: string, client: ClientInfo): Promise<IssuedTokens> {
    this.tokens.requireSigningKey();
    const token = this.sessions.readRefreshToken(refreshToken);
    const attempt = await this.limits.admitRefresh(token.sessionId, client.address);
    const session = await refundUnlessChecked(attempt, () => this.sessions.refreshSession(token, client));
    const user = { id: session.userId, email: session.email };
    const issued = this.tokens.issueAccessToken(user, session.sessionId, session.secondsLeft);
    return { ...issued, refreshToken: session.refreshToken };
  }
}
