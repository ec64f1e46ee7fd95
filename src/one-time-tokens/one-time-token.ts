/** What a one-time token is for. It is useless for anything else. */
export type TokenPurpose =
  | 'registration'
  | 'email_verification'
  | 'password_reset'
  | 'email_change'
  | 'email_undo'
  | 'invitation';

const MINUTE = 60;
const DAY = 86_400;

/** How long a token can be used, in seconds. That of an `email_undo` is the setting `EMAIL_UNDO_DAYS`. */
export const TOKEN_TTL_SECONDS = {
  registration: DAY,
  email_verification: DAY,
  password_reset: 30 * MINUTE,
  email_change: 60 * MINUTE,
  invitation: 7 * DAY,
} as const satisfies Partial<Record<TokenPurpose, number>>;

/** A request in the last minutes of a token gets a new one; the old one stays valid until it expires. */
export const RENEWED_BEFORE_SECONDS = 10 * MINUTE;

/** A row, as far as it is the same for all purposes. */
export interface OneTimeToken {
  readonly id: string;
  readonly purpose: TokenPurpose;
  /** Null for a registration. */
  readonly userId: string | null;
  readonly email: string;
  readonly createdAt: Date;
  readonly expiresAt: Date;
}

/** A row to be written. */
export interface NewOneTimeToken {
  readonly id: string;
  readonly purpose: TokenPurpose;
  readonly userId: string;
  readonly email: string;
  readonly ttlSeconds: number;
}

/** A user to be made by the owner of the address. */
export interface PendingRegistration {
  readonly id: string;
  readonly email: string;
  readonly passwordHash: string;
  readonly profile: Readonly<Record<string, unknown>>;
}
