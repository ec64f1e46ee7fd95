import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import { CONFIG, type Config } from '../config/config.js';
import { MAX_CUSTOM_CLAIMS_BYTES } from '../tokens/custom-claims.js';
import { fitsToken } from '../tokens/token-length.js';
import { MAX_TOKEN_LENGTH } from '../verifier/compact-jws.js';
import { APPLICATION_HOOKS, type BoundHooks } from './application-hooks.js';
import { roleProblem } from './roles.js';

/** Of 254 characters, the longest there is. */
const LONGEST_EMAIL = 'x'.repeat(254);

/** Refuses what would make access tokens longer than is accepted. */
@Injectable()
export class TokenLengthCheck implements OnModuleInit {
  constructor(
    @Inject(CONFIG) private readonly config: Config,
    @Inject(APPLICATION_HOOKS) private readonly hooks: BoundHooks,
  ) {}

  /** @throws {Error} where even a user without roles could get a token that is too long */
  onModuleInit(): void {
    const claimsBytes = this.hooks.claims === undefined ? 0 : MAX_CUSTOM_CLAIMS_BYTES;
    if (this.#fits(LONGEST_EMAIL, [], claimsBytes)) return;
    throw new Error(
      `ISSUER and AUDIENCE are so long that access tokens could have more than ${MAX_TOKEN_LENGTH} characters, which are refused: shorten them`,
    );
  }

  /**
   * Reckons with all claims that an application may add, since a command does not know them.
   * @throws Problem `validation_failed` where a token of a user with this address and these roles could be too long
   */
  requireRoom(email: string, roles: readonly string[]): void {
    if (this.#fits(email, roles, MAX_CUSTOM_CLAIMS_BYTES)) return;
    throw roleProblem(
      `With one more role the access tokens of the user could have more than ${MAX_TOKEN_LENGTH} characters.`,
    );
  }

  #fits(email: string, roles: readonly string[], claimsBytes: number): boolean {
    const { issuer, audience, jwtSecret, signingAlg } = this.config;
    const alg = jwtSecret === undefined ? signingAlg : 'HS256';
    return fitsToken({ issuer, audience, alg, email, roles, claimsBytes });
  }
}
