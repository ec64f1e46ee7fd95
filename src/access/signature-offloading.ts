/**
 * Decides whether the signature of a new access token is verified on the main thread or on libuv's thread pool. The first
 * new token in a turn of the event loop is verified in place, which is quicker when there is only one. Further ones go to
 * the pool, also on a single core: signatures that are verified one after the other find their code and tables in the
 * processor's caches, and so does the loop meanwhile. For 32 connections with forgeries that is 126 µs of CPU each instead
 * of 147, and the median of a known token beside them is 1 ms instead of 4.7 (bench `refusals`, `first-sight`).
 */
export class SignatureOffloading {
  #hasNewInThisTurn = false;

  /** Call it once for each new token. @returns whether its signature is to be verified on the pool */
  isNextOffloaded(): boolean {
    if (this.#hasNewInThisTurn) return true;
    this.#hasNewInThisTurn = true;
    setImmediate(() => (this.#hasNewInThisTurn = false));
    return false;
  }
}
