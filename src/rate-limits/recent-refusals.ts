/** How long a refusal is remembered at most. A success or refund on another node goes unnoticed for as long. */
const MAX_REMEMBERED_SECONDS = 5;
/** Beyond this number the oldest is forgotten. */
const MAX_REFUSALS = 10_000;

/** How long a refusal lasts. */
export interface RefusalDuration {
  /** Until this limit admits the next attempt. */
  readonly seconds: number;
  /** Until all limits of the attempt do. */
  readonly retrySeconds: number;
}

interface Remembered<Refusal> {
  readonly refusal: Refusal;
  readonly refusedAt: number;
  readonly forgottenAt: number;
}

/**
 * Remembers refusals for some seconds, so that a flood of attempts that are refused anyway does not
 * query the database each time.
 */
export class RecentRefusals<Refusal extends RefusalDuration> {
  readonly #refusals = new Map<string, Remembered<Refusal>>();

  rememberRefusal(key: string, refusal: Refusal): void {
    const refusedAt = performance.now();
    const forgottenAt = refusedAt + Math.min(refusal.seconds, MAX_REMEMBERED_SECONDS) * 1000;
    this.#refusals.delete(key);
    this.#refusals.set(key, { refusal, refusedAt, forgottenAt });
    for (const oldest of this.#refusals.keys()) {
      if (this.#refusals.size <= MAX_REFUSALS) return;
      this.#refusals.delete(oldest);
    }
  }

  forgetRefusal(key: string): void {
    this.#refusals.delete(key);
  }

  /** The refusal remembered under this key, if it still holds, with the seconds that are left. */
  findRefusal(key: string): Refusal | undefined {
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
