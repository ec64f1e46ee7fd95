import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { Argon2Package } from './argon2-implementation.js';
import type { Argon2Cost } from './argon2-cost.js';

/** What a thread is asked for; the only way a password gets there. */
export type HashTask =
  | { readonly kind: 'hash'; readonly password: string; readonly cost: Argon2Cost }
  | { readonly kind: 'verify'; readonly password: string; readonly passwordHash: string };

/** What it took counts from when the thread began: neither its start nor a wait is in it. */
export interface HashResult {
  readonly value: string | boolean;
  readonly milliseconds: number;
}

export type HashReply = HashResult | { readonly error: unknown };

/** The compiled file beside this one, or in tests its source. */
const ENTRY = new URL(`./hash.worker${extname(import.meta.url)}`, import.meta.url);

/** A thread of its own that does one hash after the other, at the lowest priority. Keeps a process up only while it has one to do. */
export class HashWorkerHandle {
  readonly #worker: Worker;
  #pending: PromiseWithResolvers<HashResult> | undefined;
  #isOver = false;

  constructor(packages: readonly Argon2Package[], onEnd: (thread: HashWorkerHandle) => void) {
    this.#worker = new Worker(ENTRY, { workerData: packages, execArgv: [], name: 'hash' });
    this.#worker.unref();
    this.#worker.on('message', (reply: HashReply) => this.#settle(reply));
    let cause: unknown;
    this.#worker.on('error', (error) => (cause = error));
    this.#worker.once('exit', () => {
      this.#isOver = true;
      this.#settle({ error: new Error('The thread of a password hash has ended', { cause }) });
      onEnd(this);
    });
  }

  /** Whether it can do nothing any more. */
  get hasExited(): boolean {
    return this.#isOver;
  }

  /** To be called when the last one is done. @throws {Error} what argon2 throws, and when the thread ends meanwhile. */
  postTask(task: HashTask): Promise<HashResult> {
    this.#pending = Promise.withResolvers<HashResult>();
    this.#worker.ref();
    this.#worker.postMessage(task);
    return this.#pending.promise;
  }

  /** When the hash that it is at is done: none can be interrupted. */
  async terminateWhenIdle(): Promise<void> {
    await this.#pending?.promise.catch(() => undefined);
    await this.#worker.terminate();
  }

  #settle(reply: HashReply): void {
    const pending = this.#pending;
    this.#pending = undefined;
    this.#worker.unref();
    if ('error' in reply) pending?.reject(reply.error);
    else pending?.resolve(reply);
  }
}
