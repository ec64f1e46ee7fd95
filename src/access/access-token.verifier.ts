import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import { CONFIG, type Config } from '../config/config.js';
import { MOST_ACCESS_TOKEN_SECONDS } from '../config/settings.js';
import { serviceUnavailable } from '../problems/framework.problems.js';
import { Freshness } from '../sessions/freshness.js';
import { RevocationsService } from '../sessions/revocations.service.js';
import { KeyRing } from '../tokens/key-ring.js';
import { VerifiedTokenCache } from '../verifier/verified-token-cache.js';
import { TokenError } from '../verifier/token-error.js';
import { createVerifier, type Verifier } from '../verifier/verifier.js';
import { tokenExpired, tokenInvalid, tokenRevoked } from './access.problems.js';
import type { Principal } from './principal.js';
import { TokenPrincipal } from './token-principal.js';

/** This application's verifier, over its own key ring and what it knows of revocations. */
@Injectable()
export class AccessTokenVerifier implements OnModuleInit {
  readonly #verifier: Verifier;
  readonly #cache: VerifiedTokenCache<Principal>;

  constructor(
    @Inject(CONFIG) config: Config,
    private readonly keyRing: KeyRing,
    private readonly revocations: RevocationsService,
    private readonly freshness: Freshness,
  ) {
    const { issuer, audience, clockToleranceSeconds } = config;
    const maxLifetimeSeconds = MOST_ACCESS_TOKEN_SECONDS;
    this.#verifier = createVerifier({ issuer, audience, clockToleranceSeconds, maxLifetimeSeconds });
    this.#cache = new VerifiedTokenCache(config.tokenCacheBytes);
  }

  /** The key ring is of a lower module, so it is loaded by now. */
  onModuleInit(): void {
    this.keyRing.follow((keys) => {
      this.#verifier.replaceKeys(keys.map(({ kid, alg, verificationKey }) => ({ kid, alg, key: verificationKey })));
    });
  }

  /** The principal of a token that was verified before and would be accepted again; undefined says nothing. */
  recall(token: string): Principal | undefined {
    const principal = this.#cache.get(token, Date.now() / 1000);
    if (principal === undefined || this.freshness.isStale) return undefined;
    return this.revocations.names(principal.sessionId, principal.tokenId) ? undefined : principal;
  }

  /** @throws Problem `token_expired`, `token_invalid`, `token_revoked` or `service_unavailable`. */
  verify(token: string): Principal {
    const principal = this.#cache.get(token, Date.now() / 1000) ?? this.#authenticate(token);
    if (this.revocations.names(principal.sessionId, principal.tokenId)) throw tokenRevoked();
    this.freshness.require();
    return principal;
  }

  /** Verified tokens that are held. */
  stats(): { readonly tokens: number; readonly bytes: number } {
    return this.#cache.stats();
  }

  #authenticate(token: string): Principal {
    try {
      const verified = this.#verifier.verify(token);
      const { email } = verified.claims;
      // RFC 9068 leaves it open; ours always say it.
      if (email === undefined) throw new TokenError('claims', 'email is missing');
      const principal = new TokenPrincipal(verified.claims, email);
      this.#cache.add(token, verified, principal);
      return principal;
    } catch (error) {
      if (!(error instanceof TokenError)) throw error;
      // It may be a key that this node could not hear of.
      if (error.code === 'unknown_key' && this.freshness.isStale) throw serviceUnavailable({ cause: error });
      throw error.code === 'expired' ? tokenExpired({ cause: error }) : tokenInvalid({ cause: error });
    }
  }
}
