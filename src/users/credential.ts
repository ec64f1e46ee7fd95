/** What verifying a password needs of a user. The hash leaves the repository in no other type. */
export interface Credential {
  readonly id: string;
  readonly email: string;
  /** PHC string. */
  readonly passwordHash: string;
  readonly disabledAt: Date | null;
}
