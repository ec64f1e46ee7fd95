import type { ClaimsSource } from './claims.service.js';

/** What a login needs of a user, from one version of the row. The hash leaves the repository in no other type. */
export interface Credential extends ClaimsSource {
  /** PHC string. */
  readonly passwordHash: string;
  readonly disabledAt: Date | null;
}
