import { isRetryableConflict } from './database-errors.js';
import { advanceSequences, isSequenceBehind } from './sequence-repair.js';

/** Attempts in all, the first included. */
const MAX_ATTEMPTS = 3;

/**
 * Runs the work again after a deadlock or a serialization conflict, which PostgreSQL has rolled back, and after an
 * insert whose sequence was behind its table, once the sequence is advanced.
 */
export async function retryConflicts<Result>(
  work: () => Promise<Result>,
  runStatement: (statement: string) => Promise<unknown>,
): Promise<Result> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      const isBehind = isSequenceBehind(error);
      if (attempt === MAX_ATTEMPTS || !(isBehind || isRetryableConflict(error))) throw error;
      if (isBehind) await advanceSequences(runStatement);
    }
  }
}
