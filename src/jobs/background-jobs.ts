import { Inject, Injectable, Logger, Optional, type OnModuleDestroy } from '@nestjs/common';
import { setTimeout as pause } from 'node:timers/promises';
import { CONFIG, type Config, type DatabaseConfig } from '../config/config.js';
import { ShutdownAnnouncement } from '../config/shutdown-announcement.js';
import { thrownText } from '../config/thrown-text.js';
import { shortenedText } from '../logging/error-serializer.js';
import { JobLocks } from './job-locks.js';
import { purgeUnderLock, type PurgeStep } from './purge-in-batches.js';

interface RecurringJob {
  readonly intervalMs: number;
  readonly name: string;
  readonly work: (ended: AbortSignal) => unknown;
  readonly isAlone: boolean;
}

/** How a job of the application runs. */
export interface JobOptions {
  /**
   * Runs the job in one process of all nodes: the one that was first to run it, until it ends. Then another takes over
   * at its next turn.
   */
  readonly alone?: boolean;
}

const JOB_NAME = /^[a-z][a-z0-9 _-]{0,63}$/;
const MAX_INTERVAL_SECONDS = 1_000_000;
/** The last part of a shutdown is for the connections; see `RESERVED_FOR_CLOSING_MS`. */
const RESERVED_AFTER_JOBS_MS = 3000;
const MAX_SHUTDOWN_SECONDS = 600;

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

/**
 * The jobs of every serving process: at its start, and then at intervals. Commands use the services without the jobs. A
 * job never overlaps itself in one process: its next run begins an interval after the last one ended.
 */
@Injectable()
export class BackgroundJobs implements OnModuleDestroy {
  readonly #log = new Logger('BackgroundJobs');
  readonly #startupJobs: (() => Promise<void>)[] = [];
  readonly #recurringJobs: RecurringJob[] = [];
  readonly #failures: Record<string, number> = {};
  /** The error of each job's last run, if it failed. */
  readonly #lastFailures = new Map<string, string>();
  readonly #locks: JobLocks;
  /** The jobs that are at work. */
  readonly #atWork = new Map<string, Promise<boolean>>();
  #isStarted = false;

  constructor(
    @Inject(CONFIG) private readonly config: DatabaseConfig & Partial<Pick<Config, 'shutdownTimeoutSeconds'>>,
    @Optional() private readonly shutdown: ShutdownAnnouncement = new ShutdownAnnouncement(),
  ) {
    this.#locks = new JobLocks(config);
  }

  /**
   * Adds a job of the application, for the constructor or `onModuleInit` of a provider. The first run comes an interval
   * after the start, each further one an interval after the last one ended. Each interval is longer or shorter by up to a
   * fifth, at random, so that nodes do not act at the same moment; after failures it is longer: see {@link nextDelayMs}. A
   * failure is counted by name in `gatehouse_job_failures_total`, and logged as `chore_failed` once while it stays the same.
   * @param name in the log and the metrics, and of the lock of a job that runs `alone`
   * @param work its signal aborts when the process begins to shut down, or the lock is lost. What still runs then is waited
   *   for within `SHUTDOWN_TIMEOUT_SECONDS`.
   * @throws {TypeError} for a bad name or interval, a name that is in use, or a job that is added after the start
   */
  every(
    seconds: number,
    name: string,
    work: (ended: AbortSignal) => unknown,
    { alone = false }: JobOptions = {},
  ): void {
    if (!JOB_NAME.test(name)) {
      throw new TypeError(
        `"${name}" is no name for a job: use a lower-case letter and up to 63 more, digits, spaces, "-" and "_".`,
      );
    }
    if (!(seconds >= 1 && seconds <= MAX_INTERVAL_SECONDS)) {
      throw new TypeError(
        `The job "${name}" needs an interval from 1 to ${MAX_INTERVAL_SECONDS} seconds, not ${seconds}.`,
      );
    }
    this.#addJob({ intervalMs: seconds * 1000, name, work, isAlone: alone });
  }

  /** Adds work that must be done before the node serves; a failure prevents the start. */
  addStartupJob(work: () => Promise<void>): void {
    this.#startupJobs.push(work);
  }

  /**
   * Adds work to run at this interval; see {@link nextDelayMs}. A failure is counted, and logged
   * once while it stays the same.
   */
  addRecurringJob(seconds: number, name: string, work: () => Promise<void>): void {
    this.#addJob({ intervalMs: seconds * 1000, name, work, isAlone: false });
  }

  /** Failures since the start, by the name of the job. */
  failureCounts(): Readonly<Record<string, number>> {
    return { ...this.#failures };
  }

  /** Runs the startup jobs, then schedules the recurring ones. */
  async startJobs(): Promise<void> {
    this.#isStarted = true;
    for (const work of this.#startupJobs) await work();
    for (const job of this.#recurringJobs) void this.#runAtIntervals(job);
  }

  /** Runs one recurring job now, and treats a failure as usual. */
  async runJob(name: string): Promise<void> {
    for (const job of this.#recurringJobs) if (job.name === name) await this.#run(job);
  }

  /**
   * Purges a table in batches, on one node at a time; see {@link purgeUnderLock}. Interrupted by
   * the shutdown, without an error.
   */
  async purgeInBatches(lock: number, step: PurgeStep): Promise<void> {
    const { signal } = this.shutdown;
    try {
      await purgeUnderLock(this.config, { lock, step, signal });
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }

  /** Interrupts a purge; other jobs finish while the database is still connected, unless that takes too long. */
  async onModuleDestroy(): Promise<void> {
    this.shutdown.announce();
    const allMs = (this.config.shutdownTimeoutSeconds ?? MAX_SHUTDOWN_SECONDS) * 1000 - RESERVED_AFTER_JOBS_MS;
    const leftMs = Math.max(0, this.shutdown.announcedAt + allMs - performance.now());
    const finished = new AbortController();
    const late = pause(leftMs, undefined, { signal: finished.signal }).catch(() => undefined);
    await Promise.race([Promise.all(this.#atWork.values()), late]);
    for (const job of this.#atWork.keys()) this.#log.warn({ event: 'job_unfinished', job });
    finished.abort();
    this.#locks.close();
  }

  #addJob(job: RecurringJob): void {
    const { name } = job;
    if (this.#isStarted) throw new TypeError(`The job "${name}" was added after the start: add it in onModuleInit.`);
    if (Object.hasOwn(this.#failures, name))
      throw new TypeError(`There are two jobs called "${name}": each needs a name of its own.`);
    this.#recurringJobs.push(job);
    this.#failures[name] = 0;
  }

  async #runAtIntervals(job: RecurringJob): Promise<void> {
    const { signal } = this.shutdown;
    for (let failuresInARow = 0; !signal.aborted;) {
      const delay = nextDelayMs(job.intervalMs, failuresInARow);
      await pause(delay, undefined, { signal, ref: false }).catch(() => undefined);
      if (signal.aborted) return;
      failuresInARow = (await this.#run(job)) ? 0 : failuresInARow + 1;
    }
  }

  /** Runs the job unless it runs already, and then waits for that run. False when it failed. */
  #run(job: RecurringJob): Promise<boolean> {
    const current = this.#atWork.get(job.name);
    if (current !== undefined) return current;
    const run = this.#runOnce(job).finally(() => this.#atWork.delete(job.name));
    this.#atWork.set(job.name, run);
    return run;
  }

  async #runOnce({ name, work, isAlone }: RecurringJob): Promise<boolean> {
    try {
      const { signal } = this.shutdown;
      const lost = isAlone ? await this.#locks.holdLock(name) : undefined;
      if (!isAlone) await work(signal);
      else if (lost !== undefined && !signal.aborted) await work(AbortSignal.any([signal, lost]));
      this.#lastFailures.delete(name);
      return true;
    } catch (error) {
      this.#failures[name] = (this.#failures[name] ?? 0) + 1;
      const failure = shortenedText(thrownText(error));
      if (this.#lastFailures.get(name) !== failure) this.#log.warn({ err: error, event: 'chore_failed', chore: name });
      this.#lastFailures.set(name, failure);
      return false;
    }
  }
}
