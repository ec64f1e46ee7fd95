import { serviceUnavailable } from '../problems/http-status.problems.js';
import type { Problem } from '../problems/problem.js';
import { ARGON2_PACKAGES, type Argon2Package } from './argon2-implementation.js';
import { hashShed } from './passwords.problems.js';
import { HashWorkerHandle, type HashTask } from './hash-worker-handle.js';

/**
 * Why a hash was refused: `arrival`, the queue was full; `deadline`, no thread was free in time;
 * `gone`, the client disconnected.
 */
export type ShedReason = 'arrival' | 'deadline' | 'gone';

export interface HashPoolOptions {
  /** Hashes that run at once, each on its own thread. */
  readonly limit: number;
  /**
   * Longest wait for a thread. It also bounds the queue's length: each waiting hash counts as at least
   * {@link MIN_HASH_MS} of one thread's time.
   */
  readonly queueMilliseconds: number;
  readonly packages?: readonly Argon2Package[];
  readonly onShed?: (reason: ShedReason) => void;
}

export interface HashPoolStats {
  /** At most `limit`. */
  readonly running: number;
  readonly waiting: number;
  readonly limit: number;
  /** Since the start. */
  readonly shed: Readonly<Record<ShedReason, number>>;
  /** How long the first hash in the queue has waited. */
  readonly longestWaitMs: number;
}

interface QueuedHash {
  readonly task: HashTask;
  readonly arrivedAt: number;
  readonly startBy: number;
  readonly result: PromiseWithResolvers<string | boolean>;
  /** Clears the deadline's timer and the client's abort listener. */
  readonly stopWatching: () => void;
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
  readonly #packages: readonly Argon2Package[];
  readonly #onShed: (reason: ShedReason) => void;
  readonly #threads = new Set<HashWorkerHandle>();
  readonly #idle = new Set<HashWorkerHandle>();
  readonly #waiting = new Set<QueuedHash>();
  readonly #shed = { arrival: 0, deadline: 0, gone: 0 };
  #running = 0;
  #reserved = 0;
  #meanMs: number | undefined;
  #isClosed = false;

  constructor({ limit, queueMilliseconds, packages = ARGON2_PACKAGES, onShed = () => undefined }: HashPoolOptions) {
    this.#limit = limit;
    this.#queueMs = queueMilliseconds;
    this.#packages = packages;
    this.#onShed = onShed;
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
    this.#reserved++;
    try {
      return await lookup();
    } finally {
      this.#reserved--;
    }
  }

  /** Runs a hash on an idle thread or queues it until one is free. @throws Problem `service_unavailable`. */
  async runHash(task: HashTask, disconnected?: AbortSignal): Promise<string | boolean> {
    this.#requireRoom(disconnected);
    return this.runHashIfIdle(task) ?? this.#enqueue(task, disconnected);
  }

  /** Runs a hash now; undefined when no thread is idle or other hashes wait for one. */
  runHashIfIdle(task: HashTask): Promise<string | boolean> | undefined {
    return this.#running < this.#limit && this.#waiting.size === 0 ? this.#runOnThread(task) : undefined;
  }

  hashPoolStats(): HashPoolStats {
    const [first] = this.#waiting;
    return {
      running: this.#running,
      waiting: this.#waiting.size,
      limit: this.#limit,
      shed: { ...this.#shed },
      longestWaitMs: first ? performance.now() - first.arrivedAt : 0,
    };
  }

  /** Refuses all queued and new hashes, and ends each thread after its current hash. */
  async close(): Promise<void> {
    this.#isClosed = true;
    for (const queuedHash of this.#waiting) this.#dequeue(queuedHash).reject(this.#closedProblem());
    await Promise.all(Array.from(this.#threads, (thread) => thread.terminateWhenIdle()));
  }

  /** How long a new hash would wait for a thread, by the recent time per hash. */
  get #expectedWaitMs(): number {
    const ahead = this.#waiting.size + this.#reserved - (this.#limit - this.#running);
    return ahead < 0 ? 0 : ((ahead + 1) * Math.max(this.#meanMs ?? INITIAL_HASH_MS, MIN_HASH_MS)) / this.#limit;
  }

  #requireRoom(disconnected: AbortSignal | undefined): void {
    const problem = disconnected?.aborted ? this.#shedHash('gone') : this.overloadProblem();
    if (problem !== undefined) throw problem;
  }

  #enqueue(task: HashTask, disconnected: AbortSignal | undefined): Promise<string | boolean> {
    const shed = (reason: ShedReason) => this.#dequeue(queuedHash).reject(this.#shedHash(reason));
    const onDisconnect = (): void => shed('gone');
    const timer = setTimeout(() => shed('deadline'), this.#queueMs);
    const stopWatching = (): void => {
      clearTimeout(timer);
      disconnected?.removeEventListener('abort', onDisconnect);
    };
    const arrivedAt = performance.now();
    const result = Promise.withResolvers<string | boolean>();
    const queuedHash: QueuedHash = { task, arrivedAt, startBy: arrivedAt + this.#queueMs, result, stopWatching };
    disconnected?.addEventListener('abort', onDisconnect);
    this.#waiting.add(queuedHash);
    return result.promise;
  }

  #dequeue(queuedHash: QueuedHash): QueuedHash['result'] {
    this.#waiting.delete(queuedHash);
    queuedHash.stopWatching();
    return queuedHash.result;
  }

  #startNext(): void {
    for (const queuedHash of this.#waiting) {
      if (this.#running === this.#limit) return;
      const { resolve, reject } = this.#dequeue(queuedHash);
      // Timers fire late when the event loop is busy.
      if (performance.now() > queuedHash.startBy) reject(this.#shedHash('deadline'));
      else void this.#runOnThread(queuedHash.task).then(resolve, reject);
    }
  }

  async #runOnThread(task: HashTask): Promise<string | boolean> {
    this.#running++;
    let thread: HashWorkerHandle | undefined;
    try {
      thread = this.#idleThread();
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

  /** An idle thread, or a new one: threads start when they are first needed, and one that died is replaced here. */
  #idleThread(): HashWorkerHandle {
    if (this.#isClosed) throw this.#closedProblem();
    const [idle] = this.#idle;
    const thread = idle ?? new HashWorkerHandle(this.#packages, (ended) => this.#removeThread(ended));
    this.#threads.add(thread);
    this.#idle.delete(thread);
    return thread;
  }

  #removeThread(thread: HashWorkerHandle): void {
    this.#threads.delete(thread);
    this.#idle.delete(thread);
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
