/** At most `quota` attempts within any `seconds`. */
export interface LimitPolicy {
  /** In the response's header fields, the log and the metrics. */
  readonly name: string;
  readonly quota: number;
  readonly seconds: number;
}

/**
 * The numbers of docs/security.md, "Guessing"; a test holds them equal. What each attempt is
 * charged stands in {@link LIMITS_PER_ATTEMPT}.
 */
export const LIMITS = {
  /** Wrong passwords from one address; attempts whose password is being checked count as well. */
  address: { name: 'address', quota: 100, seconds: 600 },
  /** Wrong passwords for one account from one address. */
  addressAndAccount: { name: 'address-and-account', quota: 20, seconds: 900 },
  /** Wrong passwords of all unknown devices together, in each of {@link SHARES}. */
  all: { name: 'all', quota: 375, seconds: 60 },
  /** Wrong current passwords of one signed-in user. */
  currentPassword: { name: 'current-password', quota: 10, seconds: 900 },
  registerAddress: { name: 'register-address', quota: 20, seconds: 3600 },
  registerAccount: { name: 'register-account', quota: 10, seconds: 3600 },
  refreshAddress: { name: 'refresh-address', quota: 600, seconds: 60 },
  refreshSession: { name: 'refresh-session', quota: 60, seconds: 60 },
  /** Sessions started for one user: by each known device, and by all unknown devices together. */
  sessionUser: { name: 'session-user', quota: 200, seconds: 3600 },
  /** Successful changes of one user's password. */
  passwordUser: { name: 'password-user', quota: 20, seconds: 3600 },
  /** Writes of one user's profile: each is a version of the row that the database must clear away. */
  profileUser: { name: 'profile-user', quota: 60, seconds: 3600 },
  /** Exports of one user's data, each of which may read many rows. */
  exportUser: { name: 'export-user', quota: 5, seconds: 3600 },
  /** Requests for mail, from one address, from one network (/24 of IPv4, /48 of IPv6) and to one address. */
  mailAddress: { name: 'mail-address', quota: 30, seconds: 3600 },
  mailNetwork: { name: 'mail-network', quota: 300, seconds: 3600 },
  mailAccount: { name: 'mail-account', quota: 10, seconds: 3600 },
  /** Uses of links of mail from one address. */
  linkAddress: { name: 'link-address', quota: 60, seconds: 600 },
  /** Wrong passwords for one link. */
  linkPassword: { name: 'link-password', quota: 10, seconds: 900 },
  /** Changes of address that one user has asked for. */
  emailUser: { name: 'email-user', quota: 10, seconds: 3600 },
  /**
   * Attempts of one session to end sessions. Counted by session, so that a thief's session cannot
   * keep the owner from ending it.
   */
  logoutSession: { name: 'logout-session', quota: 60, seconds: 60 },
} as const satisfies Record<string, LimitPolicy>;

/**
 * Requests of any kind from one address, counted by each node; the quota is the setting `ADDRESS_REQUESTS_PER_MINUTE`.
 */
export const REQUEST_ADDRESS = { name: 'request-address', seconds: 60 } as const;

/** The limit `all` is divided into this many rows, so that concurrent logins do not wait for the lock of one. */
export const SHARES = 16;

/** Wrong passwords in a row for one account, of all devices it does not know together. */
export const ACCOUNT_GUARD = {
  name: 'account',
  /** This many cause no wait. The next one causes a wait of `firstSeconds`. */
  free: 10,
  firstSeconds: 1,
  /** Each further one makes the wait this many times as long. */
  growthFactor: 2,
  maxSeconds: 300,
  /** From this many on, all unknown devices together have one attempt an hour. */
  maxFailures: 100,
  exhaustedSeconds: 3600,
  /** The count is deleted after this long without an attempt. */
  forgottenDays: 30,
  /** The same for a count below `free`. */
  fewForgottenDays: 1,
} as const;

export type LimitId = keyof typeof LIMITS | 'account';

/** A limit of ours, or one of the application by its policy. */
export type ChargedLimit = LimitId | LimitPolicy;

/** The policy of a limit. An account guard has no fixed one: it admits one attempt after these seconds. */
export function policyOf(limit: ChargedLimit, seconds: number): LimitPolicy {
  if (typeof limit === 'object') return limit;
  if (limit !== 'account') return LIMITS[limit];
  return { name: ACCOUNT_GUARD.name, quota: 1, seconds: Math.max(1, Math.ceil(seconds)) };
}
