import { Injectable } from '@nestjs/common';

/**
 * Whether the database is known not to answer. While it is, whoever needs it is told at once instead of waiting for a deadline;
 * the change feed, which goes on trying, says when it is back.
 */
@Injectable()
export class CircuitBreaker {
  #cause: unknown;

  /** Why nothing gets through; undefined as long as nothing is known to be wrong. */
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
