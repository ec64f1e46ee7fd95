import type { Problem } from '../problems/problem.js';
import { FIRST_PARTY_CLIENT_ID } from '../tokens/access-token-issuer.js';
import { type CustomClaims, customClaimsOf, NO_CLAIMS } from '../tokens/custom-claims.js';
import type { AccessTokenClaims } from '../verifier/access-token-claims.check.js';
import type { PreparedKey } from '../verifier/verification-key.js';

/** The caller, from the verified access token alone; the database was not queried. */
export interface Principal {
  /** A user, by the access token of a session. */
  readonly kind: 'user';
  readonly userId: string;
  readonly email: string;
  /** Whether the user has proved to read mail to this address. */
  readonly emailVerified: boolean;
  /** What the user may do, as of when the token was issued; a later change makes every node refuse the token. */
  readonly roles: readonly string[];
  /** What `claims` of the application has returned when the token was issued. */
  readonly claims: CustomClaims;
  readonly sessionId: string;
  /** The token's `jti`. */
  readonly tokenId: string;
  readonly clientId: string;
  readonly expiresAt: Date;
}

declare module 'fastify' {
  interface FastifyRequest {
    /** Set by the authentication hook; passport uses the same name. */
    user?: Principal;
    /** On a route with `@BearerOrBody()`: why the bearer token was not accepted (401 or 503). */
    bearerProblem?: Problem;
  }
}

const NO_ROLES: readonly string[] = Object.freeze([]);

/** The principal of a verified token. All requests with the token share one object, so it must be immutable. */
export class TokenPrincipal implements Principal {
  /** Not a field, which would take 8 bytes of each token in the cache. */
  declare readonly kind: 'user';
  readonly userId: string;
  readonly sessionId: string;
  readonly tokenId: string;
  readonly clientId: string;
  /** Not a field, as {@link kind}. */
  declare readonly emailVerified: boolean;
  readonly roles: readonly string[];
  readonly claims: CustomClaims;
  /** A new Date each time, since a Date is mutable. */
  declare readonly expiresAt: Date;
  readonly #exp: number;
  /** Twice the version, and one more where the address is verified. */
  readonly #versionAndVerified: number;
  readonly #key: PreparedKey;

  static readonly #expiresAt: PropertyDescriptor & ThisType<TokenPrincipal> = {
    enumerable: true,
    get() {
      return new Date(this.#exp * 1000);
    },
  };

  static readonly #emailVerified: PropertyDescriptor & ThisType<TokenPrincipal> = {
    enumerable: true,
    get() {
      return this.#versionAndVerified % 2 === 1;
    },
  };

  static readonly #kind: PropertyDescriptor = { enumerable: true, get: () => 'user' };

  /**
   * Keeps one string for the client id that all tokens share, instead of one a token.
   * @param key that verified the token
   */
  constructor(
    tokenClaims: AccessTokenClaims,
    readonly email: string,
    key: PreparedKey,
  ) {
    const { sub, sid, jti, client_id: clientId, exp, roles = NO_ROLES, rv = 0 } = tokenClaims;
    this.claims = customClaimsOf(tokenClaims);
    this.userId = sub;
    this.sessionId = sid;
    this.tokenId = jti;
    this.clientId = clientId === FIRST_PARTY_CLIENT_ID ? FIRST_PARTY_CLIENT_ID : clientId;
    this.roles = roles === NO_ROLES ? roles : Object.freeze(roles);
    this.#exp = exp;
    this.#key = key;
    this.#versionAndVerified = 2 * rv + (tokenClaims.email_verified === true ? 1 : 0);
    Object.defineProperty(this, 'kind', TokenPrincipal.#kind);
    Object.defineProperty(this, 'emailVerified', TokenPrincipal.#emailVerified);
    Object.defineProperty(this, 'expiresAt', TokenPrincipal.#expiresAt);
    Object.freeze(this);
  }

  /** The version of the user's row from which the token was issued. */
  get version(): number {
    return Math.floor(this.#versionAndVerified / 2);
  }

  /** False once the key that verified the token was revoked or removed. */
  get isKeyTrusted(): boolean {
    return this.#key.isTrusted;
  }
}

/**
 * When the credential of a user expires, in seconds since 1970; Infinity where a strategy of the application does not say it.
 * @throws {TypeError} where it says what is no valid Date
 */
export function expiryOf({ expiresAt }: { readonly expiresAt?: unknown }): number {
  if (expiresAt === undefined || expiresAt === null) return Infinity;
  const time = expiresAt instanceof Date ? expiresAt.getTime() : Number.NaN;
  if (Number.isNaN(time))
    throw new TypeError('expiresAt of the user that a Passport strategy returned is no valid Date');
  return time / 1000;
}

/** Access tokens live 60 minutes at most, so that those of one time have 3,600 expiries. */
const MAX_EXPIRY_TEXTS = 4096;
const expiryTexts = new Map<number, string>();

/**
 * When the access token expires, in ISO 8601 (UTC). Tokens of one second share the text: to make it costs each request
 * 1.6 µs (bench `fastify`).
 */
export function expiryText({ expiresAt }: Principal): string {
  const time = expiresAt.getTime();
  const known = expiryTexts.get(time);
  if (known !== undefined) return known;
  if (expiryTexts.size === MAX_EXPIRY_TEXTS) expiryTexts.clear();
  const text = expiresAt.toISOString();
  expiryTexts.set(time, text);
  return text;
}

/** Memory of a role, and of each character of the claims as JSON, in bytes. Measured in `principal.test.ts`. */
const BYTES_PER_ROLE = 64;
const BYTES_PER_CLAIM_CHARACTER = 24;

/** Memory of the roles and claims of a token, beyond that of a principal without them. */
export function extraBytesOf({ roles, claims }: TokenPrincipal): number {
  if (roles === NO_ROLES && claims === NO_CLAIMS) return 0;
  const claimsBytes = claims === NO_CLAIMS ? 0 : JSON.stringify(claims).length * BYTES_PER_CLAIM_CHARACTER;
  return roles.length * BYTES_PER_ROLE + claimsBytes;
}
