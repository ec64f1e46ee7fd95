import { availableParallelism } from 'node:os';

/**
 * How many new tokens are verified on this thread in one turn of the event loop, at 75 µs each under
 * ES256. Further ones are verified on libuv's thread pool if there is a second core; on the only core the
 * pool costs as much as it spares.
 */
const MAX_ON_THREAD_PER_TURN = 4;

/** Decides whether the signature of a new access token is verified on the main thread or on libuv's thread pool. */
export class SignatureOffloading {
  #newInThisTurn = 0;
  #hasOneCore: boolean | undefined;

  /** Counts one new token. @returns whether its signature is to be verified on the pool */
  isNextOffloaded(): boolean {
    if (this.#newInThisTurn === 0) setImmediate(() => (this.#newInThisTurn = 0));
    if (++this.#newInThisTurn <= MAX_ON_THREAD_PER_TURN) return false;
    // Called once, because it reads the files of the control group.
    this.#hasOneCore ??= availableParallelism() === 1;
    return !this.#hasOneCore;
  }
}
