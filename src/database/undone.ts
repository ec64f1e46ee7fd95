import { isUndone } from './driver-errors.js';

/** How often work is done in all before its failure is another's to see. */
const MOST_ATTEMPTS = 3;

/** Does work again that PostgreSQL has undone to let another pass: a deadlock or a conflict. */
export async function repeatUndone<Result>(work: () => Promise<Result>): Promise<Result> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      if (attempt === MOST_ATTEMPTS || !isUndone(error)) throw error;
    }
  }
}
