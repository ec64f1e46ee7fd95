import type { DatabaseConfig, Settings } from '../config/config.js';
import { onceAborted } from '../config/abort-signals.js';
import type { TerminationSignals } from '../config/termination-signals.js';
import { provideDatabase, type ProvideOptions } from '../database/provide-database.js';
import { endCommand, endUnderWay, releaseAtEnd } from './end-command.js';

/** For the embedded server to stop in order. */
const MAX_STOP_MS = 5000;

/**
 * Runs the work of a command on the database. A signal ends the command, and stops the embedded server
 * unless another process uses it.
 * @throws {Error} as {@link provideDatabase} does.
 */
export async function withDatabase(
  settings: Settings,
  termination: TerminationSignals,
  work: (config: DatabaseConfig) => Promise<void>,
  options: ProvideOptions = {},
): Promise<void> {
  const givingUp = new AbortController();
  onceAborted(termination.requested, () => void endCommand(termination.reason?.exitCode ?? 1));
  const providing = provideDatabase(settings, 'script', givingUp.signal, options);
  releaseAtEnd(async () => {
    givingUp.abort();
    const database = await providing.catch(() => undefined);
    await database?.stop(AbortSignal.timeout(MAX_STOP_MS)).catch(() => undefined);
  });
  const database = await providing.catch((error: unknown) => {
    const ending = endUnderWay();
    if (ending !== undefined) return ending;
    throw error;
  });
  try {
    await work(database.config);
  } finally {
    await database.stop();
  }
}
