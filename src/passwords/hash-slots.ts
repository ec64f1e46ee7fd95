import { availableParallelism } from 'node:os';

export interface HashSlotsStats {
  /** Hashes at work, at most `limit`. */
  readonly running: number;
  readonly waiting: number;
  readonly limit: number;
}

/** Lets so many pieces of work run at once and the others wait their turn, first come, first served. */
export class HashSlots {
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  constructor(private readonly limit: number = availableParallelism()) {}

  /** The queue has no bound of its own. */
  async run<Result>(work: () => Promise<Result>): Promise<Result> {
    if (this.#running < this.limit) this.#running++;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      return await work();
    } finally {
      this.#release();
    }
  }

  stats(): HashSlotsStats {
    return { running: this.#running, waiting: this.#waiting.length, limit: this.limit };
  }

  /** Hands the slot to the next in line, so that nobody who comes later takes it first. */
  #release(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#running--;
    else next();
  }
}
