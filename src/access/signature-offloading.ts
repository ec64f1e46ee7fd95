/**
 * Decides whether the signature of a new access token is verified on the main thread or on libuv's thread pool. The first
 * new token in a turn of the event loop is verified in place, which is quicker when there is only one. Further ones go to
 * the pool, also on a single core: signatures that are verified one after the other find their code and tables in the
 * processor's caches, and so does the loop meanwhile. On one core a forgery costs 119 µs instead of 138, a new token 183
 * instead of 211 (bench `refusals`, `first-sight`, saturated).
 */
export class SignatureOffloading {
  #hasNewInThisTurn = false;

  /** Call it once for each new token whose key is known. @returns whether its signature is to be verified on the pool */
  isNextOffloaded(): boolean {
    if (this.#hasNewInThisTurn) return true;
    this.#hasNewInThisTurn = true;
    setImmediate(() => (this.#hasNewInThisTurn = false));
    return false;
  }
}
