import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import { CONFIG, type Config } from '../config/config.js';
import { KeyRing } from '../tokens/key-ring.js';
import { TokenError } from '../verifier/token-error.js';
import { createVerifier, type Verifier } from '../verifier/verifier.js';
import { tokenExpired, tokenInvalid } from './access.problems.js';
import type { Principal } from './principal.js';

const MOST_LIFETIME_SECONDS = 3600;

/** This application's verifier, over its own key ring. */
@Injectable()
export class AccessTokenVerifier implements OnModuleInit {
  readonly #verifier: Verifier;

  constructor(
    @Inject(CONFIG) config: Config,
    private readonly keyRing: KeyRing,
  ) {
    const { issuer, audience, clockToleranceSeconds } = config;
    const maxLifetimeSeconds = MOST_LIFETIME_SECONDS;
    this.#verifier = createVerifier({ issuer, audience, clockToleranceSeconds, maxLifetimeSeconds });
  }

  /** The key ring is of a lower module, so it is loaded by now. */
  onModuleInit(): void {
    this.#verifier.replaceKeys(
      this.keyRing.trusted.map(({ kid, alg, verificationKey }) => ({ kid, alg, key: verificationKey })),
    );
  }

  /** @throws Problem `token_expired` or `token_invalid`. */
  verify(token: string): Principal {
    try {
      const { sub, email, sid, jti, client_id: clientId, exp } = this.#verifier.verify(token);
      // RFC 9068 leaves it open; ours always say it.
      if (email === undefined) throw new TokenError('claims', 'email is missing');
      return { userId: sub, email, sessionId: sid, tokenId: jti, clientId, expiresAt: new Date(exp * 1000) };
    } catch (error) {
      if (!(error instanceof TokenError)) throw error;
      throw error.code === 'expired' ? tokenExpired({ cause: error }) : tokenInvalid({ cause: error });
    }
  }
}
