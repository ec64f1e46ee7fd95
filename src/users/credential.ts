/** What signing in needs to know of a user; the only shape in which the hash leaves the repository. */
export interface Credential {
  readonly id: string;
  readonly email: string;
  /** PHC string. */
  readonly passwordHash: string;
  readonly disabledAt: Date | null;
}
