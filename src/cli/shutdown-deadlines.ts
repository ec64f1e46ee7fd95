import { onceAborted } from '../config/abort-signals.js';
import type { TerminationSignals } from '../config/termination-signals.js';

/** For what is left once connections have been cut off. */
const CUT_OFF_MS = 3000;
/** For the database to end by itself. */
const STOP_MS = 2000;
/** Then the process ends, whatever is left. */
const END_MS = 4500;

/** By when what must be over, from the signal that ends the process. */
export interface ShutdownDeadlines {
  /** Aborts after `SHUTDOWN_TIMEOUT_SECONDS`, or soon after connections were cut off: nothing is waited for any more. */
  readonly overdue: AbortSignal;
  /** Aborts two seconds later: the embedded database is not waited for any more either. */
  readonly immediately: AbortSignal;
}

/** `end` is called 4.5 s after `overdue`. */
export function shutdownDeadlines(
  { requested, forced }: TerminationSignals,
  timeoutSeconds: number,
  end: () => void,
): ShutdownDeadlines {
  const overdue = new AbortController();
  const immediately = new AbortController();
  onceAborted(requested, () => later(timeoutSeconds * 1000, () => overdue.abort()));
  onceAborted(forced, () => later(CUT_OFF_MS, () => overdue.abort()));
  onceAborted(overdue.signal, () => later(STOP_MS, () => immediately.abort()));
  onceAborted(overdue.signal, () => later(END_MS, end));
  return { overdue: overdue.signal, immediately: immediately.signal };
}

function later(milliseconds: number, work: () => void): void {
  setTimeout(work, milliseconds).unref();
}
