import { constants } from 'node:os';

const SIGNALS = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const;
type TerminationSignal = (typeof SIGNALS)[number];

/** npm, a shell, a terminal or a service manager may each pass on what was sent once. */
const REPEATS_MS = 2000;

/** Why everything ends: the reason of {@link TerminationSignals.requested}. */
export class Terminated extends Error {
  override readonly name = 'Terminated';
  readonly at = performance.now();
  readonly signal: TerminationSignal;

  constructor(signal: TerminationSignal) {
    super(`Told to end by ${signal}`);
    this.signal = signal;
  }

  /** What a shell reports of a program that a signal ended. */
  get exitCode(): number {
    return 128 + constants.signals[this.signal];
  }

  /** Whether the error came of it. */
  isCauseOf(error: unknown): boolean {
    return error === this || (error instanceof Error && error.cause !== undefined && this.isCauseOf(error.cause));
  }
}

/**
 * What SIGTERM, SIGINT and SIGHUP tell the process: to end in order. Repeats within two seconds are the same order; so is
 * whatever comes later, but for SIGINT, by which somebody says that it takes too long.
 */
export class TerminationSignals {
  readonly #requested = new AbortController();
  readonly #forced = new AbortController();
  /** Aborts with the first signal, by a {@link Terminated}. */
  readonly requested: AbortSignal = this.#requested.signal;
  /** Aborts with a later SIGINT: what is open is to be cut off. */
  readonly forced: AbortSignal = this.#forced.signal;

  private constructor() {
    for (const signal of SIGNALS) process.on(signal, () => this.#hear(signal));
  }

  /** From now on no signal ends the process by itself. */
  static listen(): TerminationSignals {
    return new TerminationSignals();
  }

  get reason(): Terminated | undefined {
    return this.requested.aborted ? (this.requested.reason as Terminated) : undefined;
  }

  #hear(signal: TerminationSignal): void {
    const first = this.reason;
    if (first === undefined) this.#requested.abort(new Terminated(signal));
    else if (signal === 'SIGINT' && performance.now() - first.at > REPEATS_MS) this.#forced.abort();
  }
}

/** Does the work when the signal aborts, or at once when it has. */
export function onceAborted(signal: AbortSignal, work: () => void): void {
  if (signal.aborted) work();
  else signal.addEventListener('abort', work, { once: true });
}

/** Resolves when the signal aborts. */
export function whenAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => onceAborted(signal, resolve));
}
