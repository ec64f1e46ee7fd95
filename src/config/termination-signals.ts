import { constants } from 'node:os';

const SIGNALS = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const;
export type TerminationSignal = (typeof SIGNALS)[number];

/** npm, a shell, a terminal and a service manager may each forward one signal. */
const REPEATS_MS = 2000;

/** Why the process ends: the reason of {@link TerminationSignals.requested}. */
export class Terminated extends Error {
  override readonly name = 'Terminated';
  readonly at = performance.now();
  readonly signal: TerminationSignal;

  constructor(signal: TerminationSignal) {
    super(`Ended by ${signal}`);
    this.signal = signal;
  }

  /** The exit code that shells report for a program ended by a signal. */
  get exitCode(): number {
    return 128 + constants.signals[this.signal];
  }

  /** Whether the signal caused the error. */
  isCauseOf(error: unknown): boolean {
    return error === this || (error instanceof Error && error.cause !== undefined && this.isCauseOf(error.cause));
  }
}

/**
 * SIGTERM, SIGINT and SIGHUP request a graceful shutdown. Signals within two seconds after the first are taken for
 * copies of it; a later SIGINT forces the end, other later signals are ignored.
 */
export class TerminationSignals {
  readonly #requested = new AbortController();
  readonly #forced = new AbortController();
  /** Aborts with the first signal; its reason is a {@link Terminated}. */
  readonly requested: AbortSignal = this.#requested.signal;
  /** Aborts with a later SIGINT: open connections are to be closed at once. */
  readonly forced: AbortSignal = this.#forced.signal;

  private constructor(handle: (signals: TerminationSignals, signal: TerminationSignal) => void) {
    for (const signal of SIGNALS) process.on(signal, () => handle(this, signal));
  }

  /** From now on these signals do not end the process by themselves. */
  static listen(): TerminationSignals {
    return new TerminationSignals((signals, signal) => signals.#handle(signal));
  }

  /** These signals have no effect; {@link request} and {@link force} take their place. */
  static ignore(): TerminationSignals {
    return new TerminationSignals(() => {});
  }

  /** Requests a graceful shutdown, as the first signal does. */
  request(signal: TerminationSignal): void {
    if (this.reason === undefined) this.#requested.abort(new Terminated(signal));
  }

  /** Forces the end, as a later SIGINT does. */
  force(): void {
    this.#forced.abort();
  }

  get reason(): Terminated | undefined {
    return this.requested.aborted ? (this.requested.reason as Terminated) : undefined;
  }

  #handle(signal: TerminationSignal): void {
    const first = this.reason;
    if (first === undefined) this.#requested.abort(new Terminated(signal));
    else if (signal === 'SIGINT' && performance.now() - first.at > REPEATS_MS) this.#forced.abort();
  }
}
