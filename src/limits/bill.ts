import type { LimitPolicy } from './limit-policies.js';

/** One attempt to be counted under a key. */
export interface Charge {
  readonly policy: LimitPolicy;
  readonly key: Buffer;
}

/** The guard of an account. */
export interface Guard {
  readonly key: Buffer;
}

/** A device that its token names, and whose it must be. */
export interface PresentedDevice {
  readonly id: string;
  readonly email: string;
}

/** All that an attempt is counted under, in this order; where one refuses, those after it are not charged. */
export interface Bill {
  readonly charges: readonly Charge[];
  readonly guard?: Guard | undefined;
  readonly last?: Charge | undefined;
  /** Of a device that is known nothing else is charged. */
  readonly device?: PresentedDevice | undefined;
}

export interface Verdict {
  readonly isKnownDevice: boolean;
  /** The part of the bill that was charged: all of it, or what stands before a limit that refuses. */
  readonly charged: Bill;
  /** The limit that is used up. */
  readonly refusal?: { readonly policy: LimitPolicy; readonly seconds: number };
}

/** The first so many parts of a bill that one after them refuses. */
export function firstOf({ charges, guard }: Bill, count: number): Bill {
  return { charges: charges.slice(0, count), guard: count > charges.length ? guard : undefined };
}

/** What is made of each part of a bill, in the order in which they are charged. */
export function inOrder<Made>(
  { charges, guard, last }: Bill,
  ofCharge: (charge: Charge) => Made,
  ofGuard: (guard: Guard) => Made,
) {
  return [...charges.map(ofCharge), ...(guard ? [ofGuard(guard)] : []), ...(last ? [ofCharge(last)] : [])];
}
