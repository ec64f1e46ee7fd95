import { Inject, Injectable } from '@nestjs/common';
import type { TokenUser } from '../tokens/access-token-issuer.js';
import { checkCustomClaims, type CustomClaims } from '../tokens/custom-claims.js';
import { APPLICATION_HOOKS, UNKNOWN_HOOKS, type BoundHooks } from './application-hooks.js';
import type { StoredJson } from './stored-json.js';

/** What of a user's row the claims of the application depend on. */
export interface ClaimsSource extends TokenUser {
  readonly appData: StoredJson;
  readonly createdAt: Date;
}

/** The claims that the application adds to the tokens of a user. */
@Injectable()
export class ClaimsService {
  constructor(@Inject(APPLICATION_HOOKS) private readonly hooks: BoundHooks) {}

  /** Whether it is known what they are: not by a command, which the application is no part of. */
  get areKnown(): boolean {
    return this.hooks !== UNKNOWN_HOOKS;
  }

  /** Whether the application adds any. */
  get isUsed(): boolean {
    return this.hooks.claims !== undefined;
  }

  /**
   * The user as the access token is to say it. Call it before anything is written.
   * @throws what `claims` of the application throws, and an error for what no token may say
   */
  withClaims(user: ClaimsSource): TokenUser {
    const { id, email, emailVerified, roles, version } = user;
    const claims = this.claimsOf(user);
    return { id, email, emailVerified, roles, version, ...(claims !== undefined && { claims }) };
  }

  /** Undefined where the application adds none. @throws as {@link withClaims} does. */
  claimsOf({
    id,
    email,
    emailVerified,
    roles,
    appData,
    createdAt,
  }: Omit<ClaimsSource, 'version'>): CustomClaims | undefined {
    const { claims } = this.hooks;
    if (claims === undefined) return undefined;
    return checkCustomClaims(
      claims({ id, email, emailVerified, roles: [...roles], appData: structuredClone(appData), createdAt }),
    );
  }
}
