import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { Argon2Package } from './argon2-implementation.js';
import type { Argon2Cost } from './argon2-cost.js';

/** The message to a hash thread. Passwords reach the thread in no other way. */
export type HashTask =
  | { readonly kind: 'hash'; readonly password: string; readonly cost: Argon2Cost }
  | { readonly kind: 'verify'; readonly password: string; readonly passwordHash: string };

/** `milliseconds` is the hash alone, without the start of the thread or a wait. */
export interface HashResult {
  readonly value: string | boolean;
  readonly milliseconds: number;
}

export type HashReply = HashResult | { readonly error: unknown };

/** The compiled file beside this one; in tests, its source. */
const ENTRY = new URL(`./hash.worker${extname(import.meta.url)}`, import.meta.url);

/**
 * The main thread's side of one hash thread (`hash.worker.ts`). The thread runs one hash at a time and keeps the
 * process alive only during it.
 */
export class HashWorkerHandle {
  readonly #worker: Worker;
  #pending: PromiseWithResolvers<HashResult> | undefined;
  #hasExited = false;

  constructor(packages: readonly Argon2Package[], onExit: (thread: HashWorkerHandle) => void) {
    this.#worker = new Worker(ENTRY, { workerData: packages, execArgv: [], name: 'hash' });
    this.#worker.unref();
    this.#worker.on('message', (reply: HashReply) => this.#finish(reply));
    let cause: unknown;
    this.#worker.on('error', (error) => (cause = error));
    this.#worker.once('exit', () => {
      this.#hasExited = true;
      this.#finish({ error: new Error('The hash thread exited before it answered', { cause }) });
      onExit(this);
    });
  }

  get hasExited(): boolean {
    return this.#hasExited;
  }

  /**
   * Runs a hash. Call it only after the previous one has finished.
   * @throws {Error} what argon2 throws, or that the thread exited.
   */
  postTask(task: HashTask): Promise<HashResult> {
    this.#pending = Promise.withResolvers<HashResult>();
    this.#worker.ref();
    this.#worker.postMessage(task);
    return this.#pending.promise;
  }

  /** Ends the thread after its current hash, which cannot be interrupted. */
  async terminateWhenIdle(): Promise<void> {
    await this.#pending?.promise.catch(() => undefined);
    await this.#worker.terminate();
  }

  #finish(reply: HashReply): void {
    const pending = this.#pending;
    this.#pending = undefined;
    this.#worker.unref();
    if ('error' in reply) pending?.reject(reply.error);
    else pending?.resolve(reply);
  }
}
