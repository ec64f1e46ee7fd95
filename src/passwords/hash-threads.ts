import type { Argon2Package } from './argon2-implementation.js';
import { HashWorkerHandle, type HashResult, type HashTask } from './hash-worker-handle.js';

/** The threads of a `HashPool`. They start when they are first needed; one that died is replaced at the next hash. */
export class HashThreads {
  readonly #threads = new Set<HashWorkerHandle>();
  /** The one that was used last is the last, and is used next. */
  readonly #idle = new Map<HashWorkerHandle, { readonly since: number }>();
  #timer: NodeJS.Timeout | undefined;

  /** @param maxIdleMs threads that are idle for longer end, all but one: each keeps 10 MB. Undefined for never. */
  constructor(
    private readonly packages: readonly Argon2Package[],
    private readonly maxIdleMs?: number,
  ) {}

  /** Runs a hash on an idle thread, or on a new one. @throws {Error} what argon2 throws, or that the thread exited. */
  async runTask(task: HashTask): Promise<HashResult> {
    const thread = this.#idleThread();
    try {
      return await thread.postTask(task);
    } finally {
      if (!thread.hasExited) this.#idle.set(thread, { since: performance.now() });
      if (this.maxIdleMs !== undefined && this.#idle.size > 1)
        this.#timer ??= setTimeout(() => this.#endIdleThreads(), this.maxIdleMs).unref();
    }
  }

  /** Ends each thread after its current hash. */
  async close(): Promise<void> {
    clearTimeout(this.#timer);
    await Promise.all(Array.from(this.#threads, (thread) => thread.terminateWhenIdle()));
  }

  #idleThread(): HashWorkerHandle {
    const idle = [...this.#idle.keys()].at(-1);
    const thread = idle ?? new HashWorkerHandle(this.packages, (ended) => this.#removeThread(ended));
    this.#threads.add(thread);
    this.#idle.delete(thread);
    return thread;
  }

  #endIdleThreads(): void {
    this.#timer = undefined;
    const [...idle] = this.#idle;
    for (const [thread, { since }] of idle.slice(0, this.#threads.size - 1)) {
      if (performance.now() - since < (this.maxIdleMs ?? Infinity)) continue;
      this.#idle.delete(thread);
      void thread.terminateWhenIdle();
    }
    if (this.#idle.size > 1) this.#timer = setTimeout(() => this.#endIdleThreads(), this.maxIdleMs).unref();
  }

  #removeThread(thread: HashWorkerHandle): void {
    this.#threads.delete(thread);
    this.#idle.delete(thread);
  }
}
