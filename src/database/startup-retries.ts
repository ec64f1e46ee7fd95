import { setTimeout as pause } from 'node:timers/promises';

/** What a start waits for; logged every few seconds. */
export interface WaitProgress {
  readonly event: 'database_awaited' | 'migration_awaited';
  readonly [member: string]: unknown;
}

/** How long a start waits, who is informed, and the signal that ends the wait early. */
export interface WaitOptions {
  /** Seconds; `0` tries once. */
  readonly seconds: number;
  readonly signal?: AbortSignal | undefined;
  readonly onWait?: ((progress: WaitProgress) => void) | undefined;
}

/** For commands, which report the failure at once. */
export const NO_WAIT: WaitOptions = { seconds: 0 };

const RETRY_INTERVAL_MS = 250;
const REPORT_INTERVAL_MS = 5000;

/** The retries of one wait at the start: counts the time, pauses between attempts and reports progress. */
export class StartupRetries {
  readonly #startedAt = performance.now();
  #reportedAt = Number.NEGATIVE_INFINITY;

  constructor(private readonly waitOptions: WaitOptions) {}

  get isTimeOver(): boolean {
    return this.#elapsedMs >= this.waitOptions.seconds * 1000;
  }

  get #elapsedMs(): number {
    return performance.now() - this.#startedAt;
  }

  /** Reports progress when it is due, then pauses. @throws the signal's reason when it aborts. */
  async pauseBeforeRetry(progress: WaitProgress): Promise<void> {
    const { signal, onWait } = this.waitOptions;
    if (performance.now() - this.#reportedAt >= REPORT_INTERVAL_MS) {
      this.#reportedAt = performance.now();
      onWait?.({ ...progress, waitedSeconds: Math.round(this.#elapsedMs / 1000) });
    }
    // Jitter, so that nodes that start together do not retry together.
    await pause(RETRY_INTERVAL_MS * (0.5 + Math.random()), undefined, signal && { signal }).catch((error: unknown) => {
      signal?.throwIfAborted();
      throw error;
    });
  }
}
