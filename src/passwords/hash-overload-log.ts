import type { ShedReason } from './hash-pool.js';

/** So long nothing must have been refused for it to be over. */
const CALM_MS = 10_000;

/** Tells the operator once when hashes begin to be refused and once when that is over, however many there are. */
export class HashOverloadLog {
  #calm: NodeJS.Timeout | undefined;
  #counts = { arrival: 0, deadline: 0 };

  constructor(
    private readonly warn: (line: object) => void,
    private readonly calmMs: number = CALM_MS,
  ) {}

  /** A client that has gone is no sign of too much work. */
  countShed(reason: ShedReason): void {
    if (reason === 'gone') return;
    this.#counts[reason]++;
    if (this.#calm) {
      this.#calm.refresh();
      return;
    }
    this.warn({ event: 'hashes_shed' });
    this.#calm = setTimeout(() => this.#end(), this.calmMs).unref();
  }

  #end(): void {
    this.warn({ event: 'hashes_shed_no_more', ...this.#counts });
    this.#calm = undefined;
    this.#counts = { arrival: 0, deadline: 0 };
  }
}
