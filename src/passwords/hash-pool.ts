import { serviceUnavailable } from '../problems/http-status.problems.js';
import type { Problem } from '../problems/problem.js';
import { ARGON2_PACKAGES, type Argon2Package } from './argon2-implementation.js';
import { HashWorkerHandle, type HashTask } from './hash-worker-handle.js';

/** Why a hash was not done: no room for it on arrival, no thread in time, nobody there for the answer. */
export type ShedReason = 'arrival' | 'deadline' | 'gone';

export interface HashPoolOptions {
  /** Most hashes at once, each on a thread of its own. */
  readonly limit: number;
  /** Longest wait for a thread. It bounds the queue as well: {@link LEAST_MS} for each that waits, on each thread. */
  readonly queueMilliseconds: number;
  readonly packages?: readonly Argon2Package[];
  readonly onShed?: (reason: ShedReason) => void;
}

export interface HashPoolStats {
  /** Hashes at work, at most `limit`. */
  readonly running: number;
  readonly waiting: number;
  readonly limit: number;
  /** Since the start. */
  readonly shed: Readonly<Record<ShedReason, number>>;
  /** How long the first in line has waited. */
  readonly longestWaitMs: number;
}

interface Job {
  readonly task: HashTask;
  readonly arrivedAt: number;
  readonly startBy: number;
  readonly result: PromiseWithResolvers<string | boolean>;
  /** Forgets the deadline and the client. */
  readonly settle: () => void;
}

/** What a hash is taken to cost before the first was timed, and at least. */
const FIRST_GUESS_MS = 50;
const LEAST_MS = 1;
/** How much the latest hash counts for in the mean: the last eight or so decide. */
const WEIGHT_OF_LATEST = 1 / 8;

/**
 * Where passwords are hashed: threads of the lowest priority, and one queue in order of arrival that takes in only what can
 * start within its time. All that is refused is `service_unavailable`, with `Retry-After` by the length of the queue.
 */
export class HashPool {
  readonly #limit: number;
  readonly #queueMs: number;
  readonly #packages: readonly Argon2Package[];
  readonly #onShed: (reason: ShedReason) => void;
  readonly #threads = new Set<HashWorkerHandle>();
  readonly #idle = new Set<HashWorkerHandle>();
  readonly #waiting = new Set<Job>();
  readonly #shed = { arrival: 0, deadline: 0, gone: 0 };
  #running = 0;
  #expected = 0;
  #meanMs: number | undefined;
  #isClosed = false;

  constructor({ limit, queueMilliseconds, packages = ARGON2_PACKAGES, onShed = () => undefined }: HashPoolOptions) {
    this.#limit = limit;
    this.#queueMs = queueMilliseconds;
    this.#packages = packages;
    this.#onShed = onShed;
  }

  /** The refusal of a hash that comes now, if there is no room for it. Whoever asks must refuse: it is counted. */
  overloadProblem(): Problem | undefined {
    return this.#waitMs > this.#queueMs ? this.#shedOne('arrival') : undefined;
  }

  /** Does what comes before a hash, for which a place is kept meanwhile; or refuses before it costs anything. */
  async withReservedHash<Result>(before: () => Promise<Result>, disconnected?: AbortSignal): Promise<Result> {
    this.#requireRoom(disconnected);
    this.#expected++;
    try {
      return await before();
    } finally {
      this.#expected--;
    }
  }

  /** Runs when its turn comes, which a free thread makes now; `gone` aborts when the client has gone. @throws Problem `service_unavailable`. */
  async runHash(task: HashTask, disconnected?: AbortSignal): Promise<string | boolean> {
    this.#requireRoom(disconnected);
    return this.runHashIfIdle(task) ?? this.#enqueue(task, disconnected);
  }

  /** Runs now, or is undefined: no thread is free, or others wait for one. */
  runHashIfIdle(task: HashTask): Promise<string | boolean> | undefined {
    return this.#running < this.#limit && this.#waiting.size === 0 ? this.#work(task) : undefined;
  }

  stats(): HashPoolStats {
    const [first] = this.#waiting;
    return {
      running: this.#running,
      waiting: this.#waiting.size,
      limit: this.#limit,
      shed: { ...this.#shed },
      longestWaitMs: first ? performance.now() - first.arrivedAt : 0,
    };
  }

  /** Refuses what waits and what comes, and ends each thread after its hash. */
  async close(): Promise<void> {
    this.#isClosed = true;
    for (const job of this.#waiting) this.#leave(job).reject(this.#closed());
    await Promise.all(Array.from(this.#threads, (thread) => thread.terminateWhenIdle()));
  }

  /** How long one who comes now would wait for a thread, by the recent time per hash. */
  get #waitMs(): number {
    const ahead = this.#waiting.size + this.#expected - (this.#limit - this.#running);
    return ahead < 0 ? 0 : ((ahead + 1) * Math.max(this.#meanMs ?? FIRST_GUESS_MS, LEAST_MS)) / this.#limit;
  }

  #requireRoom(disconnected: AbortSignal | undefined): void {
    const problem = disconnected?.aborted ? this.#shedOne('gone') : this.overloadProblem();
    if (problem !== undefined) throw problem;
  }

  #enqueue(task: HashTask, disconnected: AbortSignal | undefined): Promise<string | boolean> {
    const drop = (reason: ShedReason) => this.#leave(job).reject(this.#shedOne(reason));
    const onGone = (): void => drop('gone');
    const timer = setTimeout(() => drop('deadline'), this.#queueMs);
    const settle = (): void => {
      clearTimeout(timer);
      disconnected?.removeEventListener('abort', onGone);
    };
    const arrivedAt = performance.now();
    const result = Promise.withResolvers<string | boolean>();
    const job: Job = { task, arrivedAt, startBy: arrivedAt + this.#queueMs, result, settle };
    disconnected?.addEventListener('abort', onGone);
    this.#waiting.add(job);
    return result.promise;
  }

  #leave(job: Job): Job['result'] {
    this.#waiting.delete(job);
    job.settle();
    return job.result;
  }

  #startNext(): void {
    for (const job of this.#waiting) {
      if (this.#running === this.#limit) return;
      const { resolve, reject } = this.#leave(job);
      // Timers come late when this thread has much to do.
      if (performance.now() > job.startBy) reject(this.#shedOne('deadline'));
      else void this.#work(job.task).then(resolve, reject);
    }
  }

  async #work(task: HashTask): Promise<string | boolean> {
    this.#running++;
    let thread: HashWorkerHandle | undefined;
    try {
      thread = this.#takeThread();
      const { value, milliseconds } = await thread.postTask(task);
      const mean = this.#meanMs ?? milliseconds;
      this.#meanMs = mean + (milliseconds - mean) * WEIGHT_OF_LATEST;
      return value;
    } finally {
      if (thread?.hasExited === false) this.#idle.add(thread);
      this.#running--;
      this.#startNext();
    }
  }

  /** Started when first needed; one that died is replaced here. */
  #takeThread(): HashWorkerHandle {
    if (this.#isClosed) throw this.#closed();
    const [idle] = this.#idle;
    const thread = idle ?? new HashWorkerHandle(this.#packages, (ended) => this.#forget(ended));
    this.#threads.add(thread);
    this.#idle.delete(thread);
    return thread;
  }

  #forget(thread: HashWorkerHandle): void {
    this.#threads.delete(thread);
    this.#idle.delete(thread);
  }

  /** Whoever closes it knows. */
  #closed(): Problem {
    return serviceUnavailable({ isAlreadyLogged: true });
  }

  #shedOne(reason: ShedReason): Problem {
    this.#shed[reason]++;
    this.#onShed(reason);
    const seconds = Math.max(1, Math.ceil(this.#waitMs / 1000));
    return serviceUnavailable({ headers: { 'retry-after': String(seconds) }, isAlreadyLogged: true });
  }
}
