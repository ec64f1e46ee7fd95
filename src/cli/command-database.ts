import type { Settings } from '../config/config.js';
import { onceAborted, TerminationSignals } from '../config/termination-signals.js';
import { provideDatabase, type ProvidedDatabase } from '../database/external-or-embedded-database.js';

/** For the embedded server to end by itself. */
const LONGEST_STOP_MS = 5000;

const givingUp = new AbortController();
let providing: Promise<ProvidedDatabase> | undefined;
let ending: Promise<never> | undefined;

/**
 * The database for a command of the operator, once in a process. A signal ends the command, and the embedded server with
 * it unless another process uses that.
 * @throws {Error} as {@link provideDatabase} does.
 */
export async function provideForCommand(settings: Settings): Promise<ProvidedDatabase> {
  const termination = TerminationSignals.listen();
  onceAborted(termination.requested, () => void endCommand(termination.reason?.exitCode ?? 1));
  providing = provideDatabase(settings, 'script', givingUp.signal);
  return providing.catch((error: unknown) => {
    if (ending !== undefined) return ending;
    throw error;
  });
}

/**
 * Ends the process in the midst of whatever it does, and leaves no server behind. The first call counts: what fails
 * because of it is not worth a message.
 */
export function endCommand(code: number, message?: string): Promise<never> {
  if (ending === undefined && message !== undefined) process.stderr.write(`${message}\n`);
  ending ??= end(code);
  return ending;
}

async function end(code: number): Promise<never> {
  givingUp.abort();
  const database = await providing?.catch(() => undefined);
  await database?.stop(AbortSignal.timeout(LONGEST_STOP_MS)).catch(() => undefined);
  process.exit(code);
}
