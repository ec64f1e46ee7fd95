import { onceAborted } from '../config/abort-signals.js';
import type { TerminationSignals } from '../config/termination-signals.js';

/** Part of the shutdown time-out that is reserved for closing the remaining connections. */
export const RESERVED_FOR_CLOSING_MS = 3000;
/** From `forced`, when all connections are closed, until the rest of the shutdown is overdue. */
const FORCED_MS = 3000;
/** From `overdue`: for the embedded database to stop in order. */
const STOP_MS = 2000;
/** From `overdue`: until the process exits, finished or not. */
const END_MS = 4500;

/** The deadlines of a shutdown, counted from the signal. */
export interface ShutdownDeadlines {
  /** Aborts after `SHUTDOWN_TIMEOUT_SECONDS`, or three seconds after `forced`: the service is no longer waited for. */
  readonly overdue: AbortSignal;
  /** Aborts two seconds after `overdue`: the embedded database is no longer waited for either. */
  readonly immediately: AbortSignal;
}

/** Calls `end` 4.5 s after `overdue`. */
export function shutdownDeadlines(
  { requested, forced }: TerminationSignals,
  timeoutSeconds: number,
  end: () => void,
): ShutdownDeadlines {
  const overdue = new AbortController();
  const immediately = new AbortController();
  onceAborted(requested, () => later(timeoutSeconds * 1000, () => overdue.abort()));
  onceAborted(forced, () => later(FORCED_MS, () => overdue.abort()));
  onceAborted(overdue.signal, () => later(STOP_MS, () => immediately.abort()));
  onceAborted(overdue.signal, () => later(END_MS, end));
  return { overdue: overdue.signal, immediately: immediately.signal };
}

function later(milliseconds: number, work: () => void): void {
  setTimeout(work, milliseconds).unref();
}
