import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import { CONFIG, type Config } from '../config/config.js';
import { MAX_ACCESS_TOKEN_TTL_SECONDS } from '../config/settings.js';
import { serviceUnavailable } from '../problems/http-status.problems.js';
import { Problem } from '../problems/problem.js';
import { RevocationStaleness } from '../revocation/revocation-staleness.js';
import { RevocationsService } from '../revocation/revocations.service.js';
import { KeyRing } from '../tokens/key-ring.js';
import { TokenError } from '../verifier/token-error.js';
import { VerifiedTokenCache } from '../verifier/verified-token-cache.js';
import { createVerifier, type VerifiedToken, type Verifier } from '../verifier/verifier.js';
import { sharedProblems, tokenExpired } from './access.problems.js';
import { expiryOf, extraBytesOf, type Principal, TokenPrincipal } from './principal.js';
import { SignatureOffloading } from './signature-offloading.js';

/**
 * The principal, or the problem to refuse the request with: `token_expired`, `token_invalid`, `token_revoked`,
 * `token_stale` or `service_unavailable`. Returned and not thrown, for the reason at {@link TokenError}.
 */
export type VerificationOutcome = TokenPrincipal | Problem;

/** What decides whether the credential of a user would still be accepted, read once: a user of a strategy may have getters. */
export interface HeldCredential {
  /** Undefined where the user is not from an access token, but from a strategy of the application. */
  readonly token: TokenPrincipal | undefined;
  readonly sessionId: string;
  readonly tokenId: string;
  /** Seconds since 1970. */
  readonly validUntil: number;
}

/**
 * Verifies the access tokens of this application, with its key ring, its revocations and a cache of verified tokens.
 */
@Injectable()
export class AccessTokenVerifier implements OnModuleInit {
  readonly #verifier: Verifier;
  readonly #clockToleranceSeconds: number;
  readonly #cache: VerifiedTokenCache<TokenPrincipal>;
  readonly #pending = new Map<string, Promise<VerificationOutcome>>();
  readonly #offloading = new SignatureOffloading();
  readonly #isNextOffloaded = (): boolean => this.#offloading.isNextOffloaded();
  #hits = 0;
  #misses = 0;

  constructor(
    @Inject(CONFIG) config: Config,
    private readonly keyRing: KeyRing,
    private readonly revocations: RevocationsService,
    private readonly staleness: RevocationStaleness,
  ) {
    const { issuer, audience, clockToleranceSeconds } = config;
    this.#clockToleranceSeconds = clockToleranceSeconds;
    const maxLifetimeSeconds = MAX_ACCESS_TOKEN_TTL_SECONDS;
    this.#verifier = createVerifier({ issuer, audience, clockToleranceSeconds, maxLifetimeSeconds });
    this.#cache = new VerifiedTokenCache(config.tokenCacheBytes, extraBytesOf);
  }

  /** The key ring belongs to a lower module, so it is loaded by now. */
  onModuleInit(): void {
    this.keyRing.onKeysChanged((keys) => {
      this.#verifier.replaceKeys(keys.map(({ kid, alg, verificationKey }) => ({ kid, alg, key: verificationKey })));
    });
  }

  /**
   * The principal of a token in the cache that is still valid; undefined when {@link verifyAccessToken} has to decide.
   */
  findVerifiedPrincipal(token: string): TokenPrincipal | undefined {
    const principal = this.#cache.findToken(token, Date.now() / 1000);
    if (principal === undefined || this.staleness.isStale) return undefined;
    if (this.revocations.isRevoked(principal.sessionId, principal.tokenId)) return undefined;
    if (this.revocations.isOutdated(principal.userId, principal.version)) return undefined;
    this.#hits++;
    return principal;
  }

  /**
   * Synchronous, except when many new tokens come in one turn of the event loop: those are verified on
   * libuv's pool, each of them once.
   */
  verifyAccessToken(token: string): VerificationOutcome | Promise<VerificationOutcome> {
    const cached = this.#cache.findToken(token, Date.now() / 1000);
    if (cached !== undefined) return this.#unlessRevoked(cached);
    this.#misses++;
    // The lookup hashes the whole text.
    const pending = this.#pending.size === 0 ? undefined : this.#pending.get(token);
    if (pending !== undefined) return pending.then((outcome) => this.#unlessRevoked(outcome));
    const verified = this.#verifier.verifyTokenOffThread(token, this.#isNextOffloaded);
    if (!(verified instanceof Promise)) return this.#unlessRevoked(this.#cachePrincipal(token, verified));
    return this.#rememberPending(token, verified).then((outcome) => this.#unlessRevoked(outcome));
  }

  /**
   * What {@link problemOfHeldCredential} needs.
   * @throws {TypeError} where a strategy of the application says an expiry that is no valid Date
   */
  holdCredential(user: Principal): HeldCredential {
    const { sessionId, tokenId } = user;
    if (!(user instanceof TokenPrincipal)) {
      return { token: undefined, sessionId, tokenId, validUntil: expiryOf(user) };
    }
    return { token: user, sessionId, tokenId, validUntil: expiryOf(user) + this.#clockToleranceSeconds };
  }

  /**
   * The problem that a request with the credential would be refused with now; undefined if it would be admitted. Asks
   * what {@link verifyAccessToken} asks of a token in the cache. Of a user of a strategy, who may be a copy of one from a
   * token, it asks for the expiry and the session alone.
   */
  problemOfHeldCredential({ token, sessionId, tokenId, validUntil }: HeldCredential): Problem | undefined {
    if (token?.isKeyTrusted === false) return sharedProblems.invalid;
    if (Date.now() / 1000 >= validUntil) {
      return token === undefined ? tokenExpired({ detail: 'The credential has expired.' }) : sharedProblems.expired;
    }
    if (this.revocations.isRevoked(sessionId, tokenId)) return sharedProblems.revoked;
    if (token === undefined) return undefined;
    if (this.revocations.isOutdated(token.userId, token.version)) return sharedProblems.stale;
    return this.staleness.isRefusing ? serviceUnavailable({ cause: new Error('revocations are stale') }) : undefined;
  }

  /** The size of the cache, and its hits and misses since the start. */
  tokenCacheStats(): {
    readonly tokens: number;
    readonly bytes: number;
    readonly hits: number;
    readonly misses: number;
  } {
    return { ...this.#cache.cacheSize(), hits: this.#hits, misses: this.#misses };
  }

  #rememberPending(token: string, verification: Promise<VerifiedToken | TokenError>): Promise<VerificationOutcome> {
    const pending = verification
      .then((verified) => this.#cachePrincipal(token, verified))
      .finally(() => this.#pending.delete(token));
    this.#pending.set(token, pending);
    return pending;
  }

  #cachePrincipal(token: string, verified: VerifiedToken | TokenError): VerificationOutcome {
    if (verified instanceof TokenError) return this.#problemOf(verified);
    const { email } = verified.claims;
    // RFC 9068 does not require it; this service always issues it.
    if (email === undefined) return this.#problemOf(new TokenError('claims', 'email is missing'));
    const principal = new TokenPrincipal(verified.claims, email, verified.key);
    this.#cache.addToken(token, verified, principal, Date.now() / 1000);
    return principal;
  }

  /** Also refuses while the revocations are stale, if so configured. */
  #unlessRevoked(outcome: VerificationOutcome): VerificationOutcome {
    if (outcome instanceof Problem) return outcome;
    if (this.revocations.isRevoked(outcome.sessionId, outcome.tokenId)) return sharedProblems.revoked;
    if (this.revocations.isOutdated(outcome.userId, outcome.version)) return sharedProblems.stale;
    return this.staleness.stalenessProblem() ?? outcome;
  }

  #problemOf(error: TokenError): Problem {
    // The key may be a new one that this node has not read.
    if (error.code === 'unknown_key' && this.staleness.isStale) return serviceUnavailable({ cause: error });
    return error.code === 'expired' ? sharedProblems.expired : sharedProblems.invalid;
  }
}
