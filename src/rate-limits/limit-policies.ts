/** So many attempts within any so many seconds. */
export interface LimitPolicy {
  /** As the header fields, the log and the metrics have it. */
  readonly name: string;
  readonly quota: number;
  readonly seconds: number;
}

/** The numbers of docs/security.md, "Guessing"; a test holds them equal. What each attempt is charged stands in {@link ATTEMPTS}. */
export const LIMITS = {
  /** Wrong passwords from one address; what is being looked at counts as well. */
  address: { name: 'address', quota: 100, seconds: 600 },
  /** Wrong passwords for one account from one address. */
  addressAndAccount: { name: 'address-and-account', quota: 20, seconds: 900 },
  /** Wrong passwords of all devices that are not known together, in each of {@link SHARES}. */
  all: { name: 'all', quota: 375, seconds: 60 },
  /** Wrong current passwords of one signed-in user. */
  currentPassword: { name: 'current-password', quota: 10, seconds: 900 },
  registerAddress: { name: 'register-address', quota: 20, seconds: 3600 },
  registerAccount: { name: 'register-account', quota: 10, seconds: 3600 },
  refreshAddress: { name: 'refresh-address', quota: 600, seconds: 60 },
  refreshSession: { name: 'refresh-session', quota: 60, seconds: 60 },
  /** Sessions begun for one user: by each known device, and by all others together. */
  sessionUser: { name: 'session-user', quota: 200, seconds: 3600 },
  /** Changes of one user's password that were made. */
  passwordUser: { name: 'password-user', quota: 20, seconds: 3600 },
  /** Sessions ended, or tried to be, by one session: another's count must not keep an owner from ending a thief's. */
  logoutSession: { name: 'logout-session', quota: 60, seconds: 60 },
} as const satisfies Record<string, LimitPolicy>;

/** Requests of any kind from one address, on each node; their quota is a setting. */
export const REQUEST_ADDRESS = { name: 'request-address', seconds: 60 } as const;

/** Into so many rows what all share is divided, so that logins do not queue for one. */
export const SHARES = 16;

/** Wrong passwords in a row for one account from all devices it does not know together. */
export const ACCOUNT_GUARD = {
  name: 'account',
  /** So many cost no wait; each one more doubles it, from a second on. */
  free: 10,
  longestSeconds: 300,
  /** From so many on there is one attempt an hour, shared by all that are not known. */
  most: 100,
  exhaustedSeconds: 3600,
  /** Without any attempt for so long it begins anew. */
  forgottenDays: 30,
  /** The same while there were fewer than `free`. */
  fewForgottenDays: 1,
} as const;

export const MOST_DEVICES = 10;
/** Wrong passwords in a row before a device counts as unknown. */
export const MOST_DEVICE_FAILURES = 10;
