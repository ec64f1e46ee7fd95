import { ACCOUNT_GUARD, LIMITS, type LimitPolicy } from './limit-policies.js';

/** What becomes of a charge when the attempt succeeds. */
export type AfterSuccess = 'stays' | 'is refunded' | 'resets the count';

export type LimitId = keyof typeof LIMITS | 'account';

/** Whom counts are about. */
export interface Subjects {
  readonly address: string;
  /** An email address in lower case. */
  readonly account: string;
  readonly share: string;
  readonly userId: string;
  readonly sessionId: string;
}

/**
 * The order of an attempt. Before its secret is looked at one statement reads all limits of its row, `onSuccess` included, and
 * takes nothing where one is used up; then it charges `charges` from left to right. A success charges `onSuccess`.
 */
export const ATTEMPTS = {
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
  registration: { charges: { registerAddress: 'stays', registerAccount: 'stays' } },
  refresh: { charges: { refreshAddress: 'stays', refreshSession: 'stays' } },
  logout: { charges: { logoutSession: 'stays' } },
} as const satisfies Record<
  string,
  { readonly charges: Partial<Record<LimitId, AfterSuccess>>; readonly onSuccess?: LimitId }
>;

export type AttemptKind = keyof typeof ATTEMPTS;

/** Under what each limit counts. */
export const SUBJECTS: Readonly<Record<LimitId, readonly (keyof Subjects)[]>> = {
  address: ['address'],
  addressAndAccount: ['address', 'account'],
  all: ['share'],
  account: ['account'],
  currentPassword: ['userId'],
  registerAddress: ['address'],
  registerAccount: ['account'],
  refreshAddress: ['address'],
  refreshSession: ['sessionId'],
  // Before the password is looked at nobody knows the user.
  sessionUser: ['account'],
  passwordUser: ['userId'],
  logoutSession: ['sessionId'],
};

/** One count of an attempt, under its key. */
export interface Charge {
  readonly limit: LimitId;
  readonly key: Buffer;
  readonly afterSuccess: AfterSuccess;
}

/** A device that its token names, and whose it must be. */
export interface PresentedDevice {
  readonly id: string;
  readonly email: string;
  /** Of the sessions that it begins. */
  readonly onSuccess: Charge;
}

/** An attempt to be admitted. */
export interface Attempt {
  readonly charges: readonly Charge[];
  readonly onSuccess?: Charge | undefined;
  /** Where it is known, its own count of failures is charged and nothing else. */
  readonly device?: PresentedDevice | undefined;
}

/** A charge that was taken. */
export interface TakenCharge {
  readonly charge: Charge;
  /** Since when the row counts: a row that was reset meanwhile is another. */
  readonly began: string;
  /** Of a guard: until when it lets nobody pass because of this charge. */
  readonly until: string | null;
}

/** What an admitted attempt took. */
export interface Taken {
  readonly charges: readonly TakenCharge[];
  readonly isKnownDevice: boolean;
  /** Of a known device whose failure was counted: when it was last used. */
  readonly deviceUsedAt?: string;
}

export type Outcome =
  | { readonly kind: 'admitted'; readonly taken: Taken }
  /** Others were quicker than what was read. */
  | { readonly kind: 'raced'; readonly taken: Taken }
  | {
      readonly kind: 'refused';
      readonly limit: LimitId;
      /** Until this limit lets the next attempt pass. */
      readonly seconds: number;
      /** Until all of the attempt's limits do. */
      readonly retrySeconds: number;
      readonly isKnownDevice: boolean;
    };

/** The policy of a limit; the guard's quota and window follow from how long it lets nobody pass. */
export function policyOf(limit: LimitId, seconds: number): LimitPolicy {
  if (limit !== 'account') return LIMITS[limit];
  return { name: ACCOUNT_GUARD.name, quota: 1, seconds: Math.max(1, Math.ceil(seconds)) };
}
