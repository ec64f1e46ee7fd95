import { Inject, Injectable } from '@nestjs/common';
import { JwtService } from '@nestjs/jwt';
import { randomUUID } from 'node:crypto';
import { CONFIG, type Config } from '../config/config.js';
import type { CustomClaims } from './custom-claims.js';
import { KeyRing } from './key-ring.js';

/** `client_id` of tokens issued without OAuth, since RFC 9068 requires the claim. */
export const FIRST_PARTY_CLIENT_ID = 'gatehouse';

export interface IssuedToken {
  readonly accessToken: string;
  readonly expiresInSeconds: number;
}

/** What an access token says of its user, all from one version of the row. */
export interface TokenUser {
  readonly id: string;
  readonly email: string;
  readonly emailVerified: boolean;
  readonly roles: readonly string[];
  /** The version of the row, as `rv`. */
  readonly version: number;
  /** Of the application. */
  readonly claims?: CustomClaims;
}

@Injectable()
export class AccessTokenIssuer {
  constructor(
    @Inject(CONFIG) private readonly config: Config,
    private readonly jwt: JwtService,
    private readonly keyRing: KeyRing,
  ) {}

  /** Call it before a step that cannot be undone. @throws Problem `service_unavailable` while no key may sign. */
  requireSigningKey(): void {
    void this.keyRing.signingKey;
  }

  /**
   * Issues an access token (RFC 9068 section 2) for a user's session.
   * @param secondsLeft until the session's absolute limit, which the token does not outlive
   */
  issueAccessToken(user: TokenUser, sessionId: string, secondsLeft = Infinity): IssuedToken {
    const { issuer, audience } = this.config;
    const expiresInSeconds = Math.max(1, Math.min(this.config.accessTokenTtlSeconds, secondsLeft));
    const { kid, alg, privateKey } = this.keyRing.signingKey;
    const { email, emailVerified, roles, version } = user;
    const claims = {
      ...user.claims,
      client_id: FIRST_PARTY_CLIENT_ID,
      sid: sessionId,
      email,
      ...(emailVerified && { email_verified: true }),
      ...(roles.length > 0 && { roles }),
      rv: version,
    };
    const accessToken = this.jwt.sign(claims, {
      privateKey,
      algorithm: alg,
      header: { typ: 'at+jwt', alg, kid },
      subject: user.id,
      jwtid: randomUUID(),
      expiresIn: expiresInSeconds,
      issuer,
      audience,
    });
    return { accessToken, expiresInSeconds };
  }
}
