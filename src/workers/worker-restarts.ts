/** So many failed starts within {@link FAILURES_WINDOW_MS} end the node. */
export const MAX_FAILED_STARTS = 5;
const FAILURES_WINDOW_MS = 60_000;
/** A worker that ends sooner after it began to serve counts as a failed start. */
export const SETTLED_MS = 10_000;
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 5000;

/** When a worker that ended is replaced. */
export class WorkerRestarts {
  #failures: number[] = [];

  constructor(private readonly firstPauseMs: number = FIRST_PAUSE_MS) {}

  /**
   * The pause before the replacement of a worker that ended, or undefined when there were five failed starts within a minute.
   * @param servedMs for how long it had served; undefined if it never did
   */
  pauseAfterEnd(now: number, servedMs: number | undefined): number | undefined {
    if (servedMs !== undefined && servedMs >= SETTLED_MS) return this.firstPauseMs;
    this.#failures = [...this.#failures.filter((at) => now - at < FAILURES_WINDOW_MS), now];
    const count = this.#failures.length;
    return count < MAX_FAILED_STARTS ? Math.min(this.firstPauseMs * 2 ** count, LONGEST_PAUSE_MS) : undefined;
  }
}
