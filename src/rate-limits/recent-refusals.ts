/** Longest time for which a refusal is answered from memory: what others free before it says so is missed for so long. */
const LONGEST_SECONDS = 5;
/** So many are kept; beyond them the oldest is forgotten. */
const MOST_REFUSALS = 10_000;

/** How long a refusal lasts, in seconds. */
export interface Lasting {
  /** Until this limit lets the next attempt pass. */
  readonly seconds: number;
  /** Until all of them do. */
  readonly retrySeconds: number;
}

interface Remembered<Refusal> {
  readonly refusal: Refusal;
  readonly refusedAt: number;
  readonly forgottenAt: number;
}

/** What was refused lately, by whom it is about: a flood that is refused anyway need not ask the database each time. */
export class RecentRefusals<Refusal extends Lasting> {
  readonly #refusals = new Map<string, Remembered<Refusal>>();

  remember(key: string, refusal: Refusal): void {
    const refusedAt = performance.now();
    const forgottenAt = refusedAt + Math.min(refusal.seconds, LONGEST_SECONDS) * 1000;
    this.#refusals.delete(key);
    this.#refusals.set(key, { refusal, refusedAt, forgottenAt });
    for (const oldest of this.#refusals.keys()) {
      if (this.#refusals.size <= MOST_REFUSALS) return;
      this.#refusals.delete(oldest);
    }
  }

  forget(key: string): void {
    this.#refusals.delete(key);
  }

  /** What still refuses, and for how long from now on. */
  find(key: string): Refusal | undefined {
    const remembered = this.#refusals.get(key);
    if (remembered === undefined) return undefined;
    const { refusal, refusedAt, forgottenAt } = remembered;
    const now = performance.now();
    if (now < forgottenAt) {
      const past = (now - refusedAt) / 1000;
      return { ...refusal, seconds: refusal.seconds - past, retrySeconds: refusal.retrySeconds - past };
    }
    this.#refusals.delete(key);
    return undefined;
  }
}
