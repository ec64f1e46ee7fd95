import { Injectable } from '@nestjs/common';

/**
 * Open while the database is known not to answer: queries then fail at once instead of waiting for a time-out. The
 * change feed opens it, keeps trying to connect, and closes it once the database answers.
 */
@Injectable()
export class CircuitBreaker {
  #cause: unknown;

  /** The error that opened the circuit; undefined while it is closed. */
  get cause(): unknown {
    return this.#cause;
  }

  open(cause: unknown): void {
    this.#cause = cause ?? new Error('unknown');
  }

  close(): void {
    this.#cause = undefined;
  }
}
