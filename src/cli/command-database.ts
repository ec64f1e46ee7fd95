import type { DatabaseConfig, Settings } from '../config/config.js';
import { onceAborted, type TerminationSignals } from '../config/termination-signals.js';
import {
  provideDatabase,
  type ProvidedDatabase,
  type ProvideOptions,
} from '../database/external-or-embedded-database.js';

/** For the embedded server to end by itself. */
const LONGEST_STOP_MS = 5000;

const givingUp = new AbortController();
let providing: Promise<ProvidedDatabase> | undefined;
let ending: Promise<never> | undefined;

/**
 * Runs a command of the operator on its database, once in a process. A signal ends the command, and the embedded server with
 * it unless another process uses that.
 * @throws {Error} as {@link provideDatabase} does.
 */
export async function withDatabase(
  settings: Settings,
  termination: TerminationSignals,
  work: (config: DatabaseConfig) => Promise<void>,
  options: ProvideOptions = {},
): Promise<void> {
  onceAborted(termination.requested, () => void endCommand(termination.reason?.exitCode ?? 1));
  providing = provideDatabase(settings, 'script', givingUp.signal, options);
  const database = await providing.catch((error: unknown) => {
    if (ending !== undefined) return ending;
    throw error;
  });
  try {
    await work(database.config);
  } finally {
    await database.stop();
  }
}

/** A list, such as of the statements to run. */
const INDENTED_LINES = /\n {2}\S/;
/** Line breaks and what else would not stay on one line of a terminal. */
const CONTROL_CHARACTERS = /\s*\p{Cc}+\s*/gu;

/**
 * Ends the process in the midst of whatever it does, and leaves no server behind; the message is written as one line, unless it has a list. Only the first call counts: a failure that follows
 * from the end itself is not printed.
 */
export function endCommand(code: number, message?: string): Promise<never> {
  if (ending === undefined && message !== undefined) process.stderr.write(`${onOneLine(message)}\n`);
  ending ??= end(code);
  return ending;
}

function onOneLine(message: string): string {
  return INDENTED_LINES.test(message) ? message : message.trim().replaceAll(CONTROL_CHARACTERS, ' ');
}

async function end(code: number): Promise<never> {
  givingUp.abort();
  const database = await providing?.catch(() => undefined);
  await database?.stop(AbortSignal.timeout(LONGEST_STOP_MS)).catch(() => undefined);
  process.exit(code);
}
