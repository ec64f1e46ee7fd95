import { Inject, Injectable, Logger, type OnModuleDestroy } from '@nestjs/common';
import { setTimeout as pause } from 'node:timers/promises';
import { CONFIG, type DatabaseConfig } from '../config/config.js';
import { purgeUnderLock, type PurgeStep } from './purge-in-batches.js';

interface RecurringJob {
  readonly intervalMs: number;
  readonly name: string;
  readonly work: () => Promise<void>;
}

/** Longest delay after failures, for jobs with a shorter interval. */
const MAX_RETRY_DELAY_MS = 10_000;

/**
 * The delay until the next run, with a jitter of a fifth either way. Each failure in a row doubles it, up to ten
 * seconds or to the interval, whichever is longer.
 */
export function nextDelayMs(intervalMs: number, failuresInARow: number): number {
  const longest = Math.max(intervalMs, MAX_RETRY_DELAY_MS);
  return Math.min(intervalMs * 2 ** failuresInARow, longest) * (0.8 + 0.4 * Math.random());
}

/** The jobs of every serving node: at its start, and then at intervals. Commands use the services without the jobs. */
@Injectable()
export class BackgroundJobs implements OnModuleDestroy {
  readonly #log = new Logger('BackgroundJobs');
  readonly #closing = new AbortController();
  readonly #startupJobs: (() => Promise<void>)[] = [];
  readonly #recurringJobs: RecurringJob[] = [];
  readonly #failures: Record<string, number> = {};
  /** The error of each job's last run, if it failed. */
  readonly #lastFailures = new Map<string, string>();
  #running: readonly Promise<void>[] = [];

  constructor(@Inject(CONFIG) private readonly config: DatabaseConfig) {}

  /** Adds work that must be done before the node serves; a failure prevents the start. */
  addStartupJob(work: () => Promise<void>): void {
    this.#startupJobs.push(work);
  }

  /**
   * Adds work to run at this interval; see {@link nextDelayMs}. A failure is counted, and logged
   * once while it stays the same.
   */
  addRecurringJob(seconds: number, name: string, work: () => Promise<void>): void {
    this.#recurringJobs.push({ intervalMs: seconds * 1000, name, work });
    this.#failures[name] = 0;
  }

  /** Failures since the start, by the name of the job. */
  failureCounts(): Readonly<Record<string, number>> {
    return { ...this.#failures };
  }

  /** Runs the startup jobs, then schedules the recurring ones. */
  async startJobs(): Promise<void> {
    for (const work of this.#startupJobs) await work();
    this.#running = this.#recurringJobs.map((job) => this.#runAtIntervals(job));
  }

  /** Runs one recurring job now, and treats a failure as usual. */
  async runJob(name: string): Promise<void> {
    for (const job of this.#recurringJobs) if (job.name === name) await this.#runOnce(job);
  }

  /**
   * Purges a table in batches, on one node at a time; see {@link purgeUnderLock}. Interrupted by
   * the shutdown, without an error.
   */
  async purgeInBatches(lock: number, step: PurgeStep): Promise<void> {
    const { signal } = this.#closing;
    try {
      await purgeUnderLock(this.config, { lock, step, signal });
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }

  /** Interrupts a purge; other jobs finish while the database is still connected. */
  async onModuleDestroy(): Promise<void> {
    this.#closing.abort();
    await Promise.all(this.#running);
  }

  async #runAtIntervals(job: RecurringJob): Promise<void> {
    const { signal } = this.#closing;
    for (let failuresInARow = 0; !signal.aborted;) {
      const delay = nextDelayMs(job.intervalMs, failuresInARow);
      await pause(delay, undefined, { signal, ref: false }).catch(() => undefined);
      if (signal.aborted) return;
      failuresInARow = (await this.#runOnce(job)) ? 0 : failuresInARow + 1;
    }
  }

  /** False when it failed. */
  async #runOnce({ name, work }: RecurringJob): Promise<boolean> {
    try {
      await work();
      this.#lastFailures.delete(name);
      return true;
    } catch (error) {
      this.#failures[name] = (this.#failures[name] ?? 0) + 1;
      const failure = String(error);
      if (this.#lastFailures.get(name) !== failure) this.#log.warn({ err: error, event: 'chore_failed', chore: name });
      this.#lastFailures.set(name, failure);
      return false;
    }
  }
}
