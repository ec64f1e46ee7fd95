/** So many failed starts within {@link FAILURES_WINDOW_MS} end the node. */
export const MAX_FAILED_STARTS = 5;
const FAILURES_WINDOW_MS = 60_000;
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 5000;

/** When a worker that ended is replaced. */
export class WorkerRestarts {
  #failures: number[] = [];

  /** The pause before the replacement of a worker that had served. */
  readonly pauseMs = FIRST_PAUSE_MS;

  /** Notes a failed start; the pause before the next one, or undefined when there were five within a minute. */
  pauseAfterFailure(now: number): number | undefined {
    this.#failures = [...this.#failures.filter((at) => now - at < FAILURES_WINDOW_MS), now];
    const count = this.#failures.length;
    return count < MAX_FAILED_STARTS ? Math.min(FIRST_PAUSE_MS * 2 ** count, LONGEST_PAUSE_MS) : undefined;
  }
}
