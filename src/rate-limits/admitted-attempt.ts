import { Problem } from '../problems/problem.js';

/** An attempt whose secret may be checked. It stays charged unless it succeeds or is refunded. */
export interface AdmittedAttempt {
  /** Whether a known device makes the attempt. */
  readonly isKnownDevice?: boolean;
  /**
   * The secret was right, or the attempt did what it was for.
   * @returns the device token for the next login, where there is one
   */
  recordSuccess(userId: string): Promise<string | undefined>;
  /** The secret was not checked: takes the attempt's charges back. */
  refund(): Promise<void>;
}

/** While limits are off. */
export const UNLIMITED: AdmittedAttempt = { recordSuccess: async () => undefined, refund: async () => undefined };

/**
 * Runs the check of an admitted attempt. Refunds the attempt where the check fails for another
 * reason than what the client sent.
 */
export async function refundUnlessChecked<Result>(
  attempt: AdmittedAttempt,
  check: () => Promise<Result>,
): Promise<Result> {
  try {
    return await check();
  } catch (error) {
    // A refund that fails is ignored: the attempt then counts as a failure, which is the lesser evil.
    if (!isCheckedProblem(error)) await attempt.refund().catch(() => undefined);
    throw error;
  }
}

/** A wrong password, a taken address, a refused new password; not an overload, a disconnected client or a failure. */
function isCheckedProblem(error: unknown): boolean {
  return error instanceof Problem && error.kind.status < 500;
}
