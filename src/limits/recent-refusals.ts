/** Longest time for which a refusal is answered from memory: what frees a limit before it says so is missed for so long. */
const LONGEST_MS = 5000;
/** So many are kept; beyond them the oldest is forgotten. */
const MOST_REFUSALS = 10_000;

interface Refusal<Limit> {
  readonly limit: Limit;
  readonly untilNext: number;
  readonly forgottenAt: number;
}

/** Limits that refused lately, by whom they are about: a flood that is refused anyway need not ask the database each time. */
export class RecentRefusals<Limit> {
  readonly #refusals = new Map<string, Refusal<Limit>>();

  remember(key: string, limit: Limit, seconds: number): void {
    const now = performance.now();
    const refusal = { limit, untilNext: now + seconds * 1000, forgottenAt: now + Math.min(seconds * 1000, LONGEST_MS) };
    this.#refusals.delete(key);
    this.#refusals.set(key, refusal);
    for (const oldest of this.#refusals.keys()) {
      if (this.#refusals.size <= MOST_REFUSALS) return;
      this.#refusals.delete(oldest);
    }
  }

  /** The limit that still refuses, and for how long. */
  find(key: string): { readonly limit: Limit; readonly seconds: number } | undefined {
    const refusal = this.#refusals.get(key);
    if (refusal === undefined) return undefined;
    const now = performance.now();
    if (now < refusal.forgottenAt) return { limit: refusal.limit, seconds: (refusal.untilNext - now) / 1000 };
    this.#refusals.delete(key);
    return undefined;
  }
}
