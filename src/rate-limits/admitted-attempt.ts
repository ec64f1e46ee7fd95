import { Problem } from '../problems/problem.js';

/** An attempt that may be looked at. It counts until it is told otherwise. */
export interface AdmittedAttempt {
  /** It was right, or did what it was for. @returns the device token for the next login, where there is one */
  succeed(userId: string): Promise<string | undefined>;
  /** It was not looked at. */
  withdraw(): Promise<void>;
}

/** While limits are off. */
export const UNLIMITED: AdmittedAttempt = { succeed: async () => undefined, withdraw: async () => undefined };

/** Looks at an admitted attempt; withdraws it where it fails for another reason than what was sent. */
export async function runAdmitted<Result>(admitted: AdmittedAttempt, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    // Where the database is in trouble nothing can be refunded, and that is the lesser evil.
    if (!isLookedAt(error)) await admitted.withdraw().catch(() => undefined);
    throw error;
  }
}

/** A wrong password, a taken address, a refused new password: not what was shed, given up or met a failure. */
function isLookedAt(error: unknown): boolean {
  return error instanceof Problem && error.kind.status < 500;
}
