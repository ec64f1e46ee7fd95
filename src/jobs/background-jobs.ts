import { Inject, Injectable, Logger, type OnModuleDestroy } from '@nestjs/common';
import { setTimeout as pause } from 'node:timers/promises';
import { CONFIG, type DatabaseConfig } from '../config/config.js';
import { directTarget } from '../database/connection-string.js';
import { DedicatedConnection } from '../database/dedicated-connection.js';
import type { PurgeQuery } from './purge-batch.js';

/** One small step of a background job, from after this key; returns the key from after which to go on, undefined when nothing is left. */
export type PurgeStep = (query: PurgeQuery, after: string | undefined) => Promise<string | undefined>;

/** No request waits for a walk; behind a large purge the index is full of what is deleted until the table has been vacuumed. */
const STATEMENT_TIMEOUT_MS = 60_000;
/** A node that does nothing for so long, or whose machine is gone, loses the lock to others. */
const LOCK_IDLE_TIMEOUT_MS = 10_000;

/** How often the lock's connection is heard of while a step runs. */
const LOCK_HEARTBEAT_INTERVAL_MS = 2000;

/** For the transaction alone: behind a pooler that nobody told us of, the next client gets this connection. */
const TAKE_LOCK = `
  SELECT set_config('idle_in_transaction_session_timeout', '${LOCK_IDLE_TIMEOUT_MS}', true), pg_try_advisory_xact_lock($1::bigint) AS taken`;

/** By the index alone: the planner reads the whole table where it takes that for small, and a bitmap loses the order. */
const PREPARE_STEP = `
  SELECT set_config('enable_seqscan', 'off', true), set_config('enable_bitmapscan', 'off', true)`;

/** What is done again and again. */
interface RecurringJob {
  readonly intervalMs: number;
  readonly name: string;
  readonly work: () => Promise<void>;
}

/** To which the wait grows while what is due more often fails. */
const MAX_RETRY_DELAY_MS = 10_000;

/** The wait for a turn, spread by a fifth either way: doubled by each failure in a row up to ten seconds, where the interval is shorter. */
export function nextDelayMs(intervalMs: number, failuresInARow: number): number {
  const longest = Math.max(intervalMs, MAX_RETRY_DELAY_MS);
  return Math.min(intervalMs * 2 ** failuresInARow, longest) * (0.8 + 0.4 * Math.random());
}

/** What every serving node does before it serves and then again and again. A script has the services without the jobs. */
@Injectable()
export class BackgroundJobs implements OnModuleDestroy {
  readonly #log = new Logger('BackgroundJobs');
  readonly #closing = new AbortController();
  readonly #startupJobs: (() => Promise<void>)[] = [];
  readonly #recurringJobs: RecurringJob[] = [];
  readonly #failures: Record<string, number> = {};
  /** What the last turn of each failed with. */
  readonly #lastFailures = new Map<string, string>();
  #running: readonly Promise<void>[] = [];

  constructor(@Inject(CONFIG) private readonly config: DatabaseConfig) {}

  /** What must be done before anything is served; a failure keeps the application from starting. */
  addStartupJob(work: () => Promise<void>): void {
    this.#startupJobs.push(work);
  }

  /** What is done at this interval, as {@link nextDelayMs} has it. A failure is logged, once while it stays the same, and the next turn comes. */
  addRecurringJob(seconds: number, name: string, work: () => Promise<void>): void {
    this.#recurringJobs.push({ intervalMs: seconds * 1000, name, work });
    this.#failures[name] = 0;
  }

  /** Failures since the start, by the name of what failed. */
  failureCounts(): Readonly<Record<string, number>> {
    return { ...this.#failures };
  }

  /** Does what comes beforehand, then leaves the rest to its intervals. */
  async startJobs(): Promise<void> {
    for (const work of this.#startupJobs) await work();
    this.#running = this.#recurringJobs.map((job) => this.#runAtIntervals(job));
  }

  /** Does one of what is job now, as at its turn: a failure is counted, and logged once while it stays the same. */
  async runJob(name: string): Promise<void> {
    for (const job of this.#recurringJobs) if (job.name === name) await this.#runOnce(job);
  }

  /**
   * Steps through a table, each step a transaction of its own, until nothing is left. A transaction on another connection holds the lock
   * meanwhile, so that of all nodes one walks from its first step to its last; a node that has lost it does nothing more. Where another is at it, nothing is done.
   */
  async purgeInBatches(lock: number, step: PurgeStep): Promise<void> {
    try {
      await this.#purgeUnderLock(lock, step);
    } catch (error) {
      if (!this.#closing.signal.aborted) throw error;
    }
  }

  async #purgeUnderLock(lock: number, step: PurgeStep): Promise<void> {
    const holder = await this.#open('gatehouse purge lock');
    try {
      // At a higher level its snapshot would keep every deleted row from being vacuumed.
      await holder.query('BEGIN ISOLATION LEVEL READ COMMITTED');
      const [row] = await holder.query<{ taken: boolean }>(TAKE_LOCK, [lock]);
      if (row?.taken !== true) return;
      const heartbeat = setInterval(
        () => void holder.query('SELECT 1').catch(() => undefined),
        LOCK_HEARTBEAT_INTERVAL_MS,
      );
      try {
        await this.#stepThrough(step, holder);
      } finally {
        clearInterval(heartbeat);
      }
      await holder.query('COMMIT');
    } finally {
      holder.close();
    }
  }

  async #stepThrough(step: PurgeStep, holder: DedicatedConnection): Promise<void> {
    const connection = await this.#open('gatehouse purge');
    holder.closed.addEventListener('abort', () => connection.close());
    try {
      let after: string | undefined;
      do {
        await holder.query('SELECT 1');
        await connection.query('BEGIN ISOLATION LEVEL READ COMMITTED');
        await connection.query(PREPARE_STEP);
        after = await step((sql) => connection.query(sql.text, sql.values), after);
        await connection.query('COMMIT');
      } while (after !== undefined);
    } finally {
      connection.close();
    }
  }

  #open(name: string): Promise<DedicatedConnection> {
    const { signal } = this.#closing;
    return DedicatedConnection.open({
      target: directTarget(this.config),
      name,
      timeoutMs: STATEMENT_TIMEOUT_MS,
      signal,
    });
  }

  /** A walk is broken off between or within its statements, each of which is done or not; all else is finished while the database is there. */
  async onModuleDestroy(): Promise<void> {
    this.#closing.abort();
    await Promise.all(this.#running);
  }

  async #runAtIntervals(job: RecurringJob): Promise<void> {
    const { signal } = this.#closing;
    for (let failuresInARow = 0; !signal.aborted;) {
      const wait = nextDelayMs(job.intervalMs, failuresInARow);
      await pause(wait, undefined, { signal, ref: false }).catch(() => undefined);
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
