import type { ShedReason } from './hash-pool.js';

/** The overload is over when no hash was refused during this time. */
const QUIET_MS = 10_000;

/** Logs one warning when hashes start to be refused and one when that is over, however many are refused. */
export class HashOverloadLog {
  #quietTimer: NodeJS.Timeout | undefined;
  #counts = { arrival: 0, deadline: 0 };

  constructor(
    private readonly warn: (line: object) => void,
    private readonly quietMs: number = QUIET_MS,
  ) {}

  /** Ignores `gone`: a client that disconnected is no sign of overload. */
  countShed(reason: ShedReason): void {
    if (reason === 'gone') return;
    this.#counts[reason]++;
    if (this.#quietTimer) {
      this.#quietTimer.refresh();
      return;
    }
    this.warn({ event: 'hashes_shed' });
    this.#quietTimer = setTimeout(() => this.#end(), this.quietMs).unref();
  }

  #end(): void {
    this.warn({ event: 'hashes_shed_no_more', ...this.#counts });
    this.#quietTimer = undefined;
    this.#counts = { arrival: 0, deadline: 0 };
  }
}
