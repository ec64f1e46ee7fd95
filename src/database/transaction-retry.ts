import { isRetryableConflict } from './database-errors.js';
import { advanceSequences, isSequenceBehind } from './sequence-repair.js';

/** How often work is done in all before its failure is another's to see. */
const MOST_ATTEMPTS = 3;

/**
 * Does work again that PostgreSQL has undone to let another pass, a deadlock or a conflict, or that met a sequence behind its table, once
 * that is moved on.
 */
export async function retryConflicts<Result>(
  work: () => Promise<Result>,
  run: (statement: string) => Promise<unknown>,
): Promise<Result> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      const isBehind = isSequenceBehind(error);
      if (attempt === MOST_ATTEMPTS || !(isBehind || isRetryableConflict(error))) throw error;
      if (isBehind) await advanceSequences(run);
    }
  }
}
