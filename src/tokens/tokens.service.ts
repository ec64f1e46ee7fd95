import { Inject, Injectable } from '@nestjs/common';
import { JwtService } from '@nestjs/jwt';
import { randomUUID } from 'node:crypto';
import { CONFIG, type Config } from '../config/config.js';
import { KeyRing } from './key-ring.js';

/** RFC 9068 requires a client; sign-in without OAuth is by this service's own. */
export const FIRST_PARTY_CLIENT_ID = 'gatehouse';

export interface IssuedToken {
  readonly accessToken: string;
  readonly expiresInSeconds: number;
}

@Injectable()
export class TokensService {
  constructor(
    @Inject(CONFIG) private readonly config: Config,
    private readonly jwt: JwtService,
    private readonly keyRing: KeyRing,
  ) {}

  /** To be asked before what cannot be undone. @throws Problem `service_unavailable` while no key may sign. */
  requireSigningKey(): void {
    void this.keyRing.signingKey;
  }

  /**
   * Mints an access token (RFC 9068 section 2) for a session of a user.
   * @param secondsLeft of the session, which no token of it outlives
   */
  issueAccessToken(user: { id: string; email: string }, sessionId: string, secondsLeft = Infinity): IssuedToken {
    const { issuer, audience } = this.config;
    const expiresInSeconds = Math.max(1, Math.min(this.config.accessTokenTtlSeconds, secondsLeft));
    const { kid, alg, privateKey } = this.keyRing.signingKey;
    const claims = { client_id: FIRST_PARTY_CLIENT_ID, sid: sessionId, email: user.email };
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
