import {
  LIMITS_PER_ATTEMPT,
  LIMIT_SUBJECTS,
  type AfterSuccess,
  type AttemptKind,
  type LimitSubjects,
} from './limits-per-attempt.js';
import type { LimitKeys } from './limit-keys.js';
import { policyOf, type ChargedLimit, type LimitId } from './limit-policies.js';

/** One attempt, counted by one limit under one key. */
export interface Charge {
  readonly limit: ChargedLimit;
  readonly key: Buffer;
  readonly afterSuccess: AfterSuccess;
}

/** The device that a device token names, and the address that its user must have. */
export interface PresentedDevice {
  readonly id: string;
  readonly email: string;
  /** Counts the sessions that the device starts. */
  readonly onSuccess: Charge;
}

/** An attempt that asks to be admitted. */
export interface Attempt {
  readonly charges: readonly Charge[];
  readonly onSuccess?: Charge | undefined;
  /** If the device is known, the attempt is charged to the device's failures alone. */
  readonly device?: PresentedDevice | undefined;
  /**
   * Keys under which refusals by these limits are remembered in memory, by the id of ours or the name of one of the
   * application; without one a refusal is not remembered.
   */
  readonly refusalKeys?: Readonly<Record<string, string>>;
}

/** A charge as it is stored. */
export interface AppliedCharge {
  readonly charge: Charge;
  /** The row's `began_at`: it differs in a row that was deleted and inserted again since. */
  readonly rowBeganAt: string;
  /** Account guards only: until when this charge blocks the account. */
  readonly blockedUntil: string | null;
}

/** All that an attempt was charged. */
export interface AppliedCharges {
  readonly charges: readonly AppliedCharge[];
  readonly isKnownDevice: boolean;
  /** When the known device that was charged a failure was last used. */
  readonly deviceUsedAt?: string;
}

/** An attempt refused by a limit that is used up. */
export interface Refusal {
  readonly limit: ChargedLimit;
  /** Until this limit admits the next attempt. */
  readonly seconds: number;
  /** Until all limits of the attempt do. */
  readonly retrySeconds: number;
  readonly isKnownDevice: boolean;
}

export type ChargeOutcome =
  | { readonly kind: 'admitted'; readonly applied: AppliedCharges }
  /** Concurrent attempts used up a limit after it was read; the charges before that limit are stored. */
  | { readonly kind: 'raced'; readonly applied: AppliedCharges }
  | ({ readonly kind: 'refused' } & Refusal);

/** The charges of an attempt, as {@link LIMITS_PER_ATTEMPT} has them. */
export function planAttempt(keys: LimitKeys, kind: AttemptKind, subjects: Partial<LimitSubjects>): Attempt {
  const { charges, ...rest } = LIMITS_PER_ATTEMPT[kind];
  const plan = (limit: LimitId, afterSuccess: AfterSuccess): Charge => {
    const countedBy = LIMIT_SUBJECTS[limit].map((subject) => subjects[subject] ?? '');
    return planCharge(keys, limit, afterSuccess, countedBy);
  };
  return {
    charges: Object.entries(charges).map(([limit, afterSuccess]) => plan(limit as LimitId, afterSuccess)),
    onSuccess: 'onSuccess' in rest ? plan(rest.onSuccess, 'stays') : undefined,
  };
}

export function planCharge(
  keys: LimitKeys,
  limit: LimitId,
  afterSuccess: AfterSuccess,
  countedBy: readonly string[],
): Charge {
  return { limit, afterSuccess, key: keys.keyFor(policyOf(limit, 0).name, ...countedBy) };
}
