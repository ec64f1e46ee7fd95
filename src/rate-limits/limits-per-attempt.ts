import type { LimitId } from './limit-policies.js';

/** What happens to a charge when the attempt succeeds. */
export type AfterSuccess = 'stays' | 'is refunded' | 'resets the count';

/** Whom or what a limit may count by. */
export interface LimitSubjects {
  readonly address: string;
  /** An email address in lower case. */
  readonly account: string;
  readonly share: string;
  readonly userId: string;
  readonly sessionId: string;
  /** /24 of IPv4, /48 of IPv6. */
  readonly network: string;
  /** Of a one-time token. */
  readonly tokenId: string;
}

/**
 * The limits of each kind of attempt. One statement reads them all, `onSuccess` included, before the secret is checked.
 * Where one is used up the attempt is refused and charged nothing; otherwise `charges` are charged from left to right.
 * A success charges `onSuccess`.
 */
export const LIMITS_PER_ATTEMPT = {
  login: {
    charges: {
      address: 'is refunded',
      addressAndAccount: 'resets the count',
      all: 'is refunded',
      account: 'resets the count',
    },
    onSuccess: 'sessionUser',
  },
  passwordChange: {
    charges: { address: 'is refunded', currentPassword: 'resets the count' },
    onSuccess: 'passwordUser',
  },
  deletion: { charges: { address: 'is refunded', currentPassword: 'resets the count' } },
  emailChange: {
    charges: { address: 'is refunded', currentPassword: 'resets the count' },
    onSuccess: 'emailUser',
  },
  mailRequest: { charges: { mailAddress: 'stays', mailNetwork: 'stays', mailAccount: 'stays' } },
  linkUse: { charges: { linkAddress: 'stays' } },
  linkPassword: { charges: { linkAddress: 'stays', address: 'is refunded', linkPassword: 'resets the count' } },
  profileChange: { charges: { profileUser: 'stays' } },
  export: { charges: { exportUser: 'stays' } },
  registration: { charges: { registerAddress: 'stays', registerAccount: 'stays' } },
  refresh: { charges: { refreshAddress: 'stays', refreshSession: 'stays' } },
  logout: { charges: { logoutSession: 'stays' } },
} as const satisfies Record<
  string,
  { readonly charges: Partial<Record<LimitId, AfterSuccess>>; readonly onSuccess?: LimitId }
>;

export type AttemptKind = keyof typeof LIMITS_PER_ATTEMPT;

/** What each limit counts by. */
export const LIMIT_SUBJECTS: Readonly<Record<LimitId, readonly (keyof LimitSubjects)[]>> = {
  address: ['address'],
  addressAndAccount: ['address', 'account'],
  all: ['share'],
  account: ['account'],
  currentPassword: ['userId'],
  registerAddress: ['address'],
  registerAccount: ['account'],
  refreshAddress: ['address'],
  refreshSession: ['sessionId'],
  // The limit is read before the password is checked, when the user's id is not known.
  sessionUser: ['account'],
  passwordUser: ['userId'],
  profileUser: ['userId'],
  exportUser: ['userId'],
  mailAddress: ['address'],
  mailNetwork: ['network'],
  mailAccount: ['account'],
  linkAddress: ['address'],
  linkPassword: ['tokenId'],
  emailUser: ['userId'],
  logoutSession: ['sessionId'],
};
