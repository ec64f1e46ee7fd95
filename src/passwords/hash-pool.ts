import { serviceUnavailable } from '../problems/http-status.problems.js';
import type { Problem } from '../problems/problem.js';
import { ARGON2_PACKAGES, type Argon2Package } from './argon2-implementation.js';
import { allHashPermits, type HashDemand, type HashPermits } from './hash-permits.js';
import { HashQueue, type QueuedHash } from './hash-queue.js';
import { HashThreads } from './hash-threads.js';
import { hashShed } from './passwords.problems.js';
import type { HashTask } from './hash-worker-handle.js';

/**
 * Why a hash was refused: `arrival`, the queue was full; `deadline`, no thread was free in time;
 * `gone`, the client disconnected.
 */
export type ShedReason = 'arrival' | 'deadline' | 'gone';

export interface HashPoolOptions {
  /** Hashes that run at once in the node, each on its own thread. */
  readonly limit: number;
  /** How many of them this process may run; all, unless the node has other processes. */
  readonly permits?: HashPermits;
  /** Threads that are idle for longer end, all but one; never by default. */
  readonly maxIdleThreadMs?: number;
  /**
   * Longest wait for a thread. It also bounds the queue's length: each waiting hash counts as at least
   * {@link MIN_HASH_MS} of one thread's time.
   */
  readonly queueMilliseconds: number;
  readonly packages?: readonly Argon2Package[];
  readonly onShed?: (reason: ShedReason) => void;
}

export interface HashPoolStats {
  /** At most `limit` in all processes of the node. */
  readonly running: number;
  readonly waiting: number;
  readonly limit: number;
  /** Since the start. */
  readonly shed: Readonly<Record<ShedReason, number>>;
  /** How long the first hash in the queue has waited. */
  readonly longestWaitMs: number;
}

/** The assumed time of a hash before the first one was timed. */
const INITIAL_HASH_MS = 50;
/** The least that a hash counts for in the expected wait. */
const MIN_HASH_MS = 1;
/** Weight of the latest hash in the moving average, which covers about the last eight. */
const WEIGHT_OF_LATEST = 1 / 8;

/**
 * Hashes passwords on threads of the lowest priority. One queue in order of arrival accepts only hashes that
 * are expected to start within its time. A refused hash is Problem `service_unavailable`, whose
 * `Retry-After` is the expected wait.
 */
export class HashPool {
  readonly #limit: number;
  readonly #queueMs: number;
  readonly #permits: HashPermits;
  readonly #onShed: (reason: ShedReason) => void;
  readonly #threads: HashThreads;
  readonly #waiting = new HashQueue();
  readonly #shed = { arrival: 0, deadline: 0, gone: 0 };
  #running = 0;
  #reserved = 0;
  #meanMs: number | undefined;
  #isClosed = false;

  constructor({
    limit,
    permits = allHashPermits(limit),
    queueMilliseconds,
    packages = ARGON2_PACKAGES,
    maxIdleThreadMs,
    onShed = () => undefined,
  }: HashPoolOptions) {
    this.#limit = limit;
    this.#queueMs = queueMilliseconds;
    this.#permits = permits;
    this.#threads = new HashThreads(packages, maxIdleThreadMs);
    this.#onShed = onShed;
    permits.onGranted(() => this.#startNext());
  }

  /** The problem a new hash would fail with now, if any. The caller must send it: it is counted as a refused hash. */
  overloadProblem(): Problem | undefined {
    return this.#expectedWaitMs > this.#queueMs ? this.#shedHash('arrival') : undefined;
  }

  /**
   * Runs `lookup`, which a hash follows, and reserves a place for that hash meanwhile.
   * @throws Problem `service_unavailable`, before `lookup` runs.
   */
  async withReservedHash<Result>(lookup: () => Promise<Result>, disconnected?: AbortSignal): Promise<Result> {
    this.#requireRoom(disconnected);
    this.#changeReserved(1);
    try {
      return await lookup();
    } finally {
      this.#changeReserved(-1);
    }
  }

  /** Runs a hash on an idle thread or queues it until one is free. @throws Problem `service_unavailable`. */
  async runHash(task: HashTask, disconnected?: AbortSignal): Promise<string | boolean> {
    if (this.#isClosed) throw this.#closedProblem();
    this.#requireRoom(disconnected);
    return this.#mayRun && this.#waiting.size === 0 ? this.#runOnThread(task) : this.#enqueue(task, disconnected);
  }

  /** Runs a hash now; undefined when no thread is idle or other hashes of the node wait for one. */
  runHashIfIdle(task: HashTask): Promise<string | boolean> | undefined {
    const isIdle = this.#mayRun && this.#waiting.size === 0;
    return isIdle && this.#running + this.#permits.demandElsewhere < this.#limit ? this.#runOnThread(task) : undefined;
  }

  /**
   * Runs a hash without which the process cannot serve, beside the limit and the queue: a worker may start to take the
   * place of one that died under a storm of logins.
   */
  runStartupHash(task: HashTask): Promise<string | boolean> {
    return this.#runTimed(task);
  }

  hashPoolStats(): HashPoolStats {
    const { running, waiting, longestWaitMs } = this.#demand;
    return { running, waiting, limit: this.#limit, shed: { ...this.#shed }, longestWaitMs };
  }

  /** Refuses all queued and new hashes, and ends each thread after its current hash. */
  async close(): Promise<void> {
    this.#isClosed = true;
    for (const queuedHash of this.#waiting) {
      this.#waiting.removeHash(queuedHash);
      queuedHash.result.reject(this.#closedProblem());
    }
    await this.#threads.close();
  }

  get #mayRun(): boolean {
    return this.#running < this.#permits.held;
  }

  get #demand(): HashDemand {
    const { size, longestWaitMs } = this.#waiting;
    return { running: this.#running, waiting: size, reserved: this.#reserved, longestWaitMs };
  }

  /** How long a new hash would wait for a thread of the node, by the recent time per hash. */
  get #expectedWaitMs(): number {
    const ahead = this.#running + this.#waiting.size + this.#reserved + this.#permits.demandElsewhere - this.#limit;
    return ahead < 0 ? 0 : ((ahead + 1) * Math.max(this.#meanMs ?? INITIAL_HASH_MS, MIN_HASH_MS)) / this.#limit;
  }

  #requireRoom(disconnected: AbortSignal | undefined): void {
    const problem = disconnected?.aborted ? this.#shedHash('gone') : this.overloadProblem();
    if (problem !== undefined) throw problem;
  }

  #enqueue(task: HashTask, disconnected: AbortSignal | undefined): Promise<string | boolean> {
    const longestMs = Math.max(this.#queueMs, this.#permits.handoverMs);
    const { result } = this.#waiting.addHash(task, longestMs, disconnected, (queuedHash, reason) =>
      this.#shedQueued(queuedHash, reason),
    );
    this.#permits.reportDemand(this.#demand);
    return result.promise;
  }

  #shedQueued(queuedHash: QueuedHash, reason: ShedReason): void {
    this.#waiting.removeHash(queuedHash);
    this.#permits.reportDemand(this.#demand);
    queuedHash.result.reject(this.#shedHash(reason));
  }

  #startNext(): void {
    for (const queuedHash of this.#waiting) {
      if (!this.#mayRun) return;
      // Timers fire late when the event loop is busy.
      if (performance.now() > queuedHash.startBy) this.#shedQueued(queuedHash, 'deadline');
      else {
        this.#waiting.removeHash(queuedHash);
        void this.#runOnThread(queuedHash.task).then(queuedHash.result.resolve, queuedHash.result.reject);
      }
    }
  }

  async #runOnThread(task: HashTask): Promise<string | boolean> {
    this.#changeRunning(1);
    try {
      if (this.#isClosed) throw this.#closedProblem();
      return await this.#runTimed(task);
    } finally {
      this.#changeRunning(-1);
      this.#startNext();
    }
  }

  async #runTimed(task: HashTask): Promise<string | boolean> {
    const { value, milliseconds } = await this.#threads.runTask(task);
    const mean = this.#meanMs ?? milliseconds;
    this.#meanMs = mean + (milliseconds - mean) * WEIGHT_OF_LATEST;
    return value;
  }

  #changeRunning(change: 1 | -1): void {
    this.#running += change;
    this.#permits.reportDemand(this.#demand);
  }

  #changeReserved(change: 1 | -1): void {
    this.#reserved += change;
    this.#permits.reportDemand(this.#demand);
  }

  /** Not logged: the operator closes the pool. */
  #closedProblem(): Problem {
    return serviceUnavailable({ isAlreadyLogged: true });
  }

  #shedHash(reason: ShedReason): Problem {
    this.#shed[reason]++;
    this.#onShed(reason);
    return hashShed(this.#expectedWaitMs);
  }
}
