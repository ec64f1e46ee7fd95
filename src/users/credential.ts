import type { ClaimsSource } from './claims.service.js';

/** In place of the hash of a user who has no password yet, or none any more: no password is theirs. */
export const NO_PASSWORD_HASH = '*';

/** Whether a user can log in: `invited` before the first password, `no-password` after a change of address was undone. */
export type LoginState = 'enabled' | 'disabled' | 'invited' | 'no-password';

/** What a login needs of a user, from one version of the row. The hash leaves the repository in no other type. */
export interface Credential extends ClaimsSource {
  /** PHC string, or {@link NO_PASSWORD_HASH}. */
  readonly passwordHash: string;
  readonly disabledAt: Date | null;
}
