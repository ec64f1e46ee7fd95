import { readSettings } from '../config/read-settings.js';
import { onceAborted, TerminationSignals } from '../config/termination-signals.js';
import { provideDatabase } from './external-or-embedded-database.js';

/**
 * Tells its parent where the database is and keeps it there for as long as the parent lives. A signal is for the parent,
 * whose group this process shares: what that still does needs the database.
 */
TerminationSignals.listen();
const parentGone = new AbortController();
process.once('disconnect', () => parentGone.abort());

try {
  const database = await provideDatabase(readSettings('migrate'), 'script', parentGone.signal);
  // It may have gone meanwhile.
  process.send?.(database.config.databaseDirectUrl, () => undefined);
  onceAborted(parentGone.signal, () => void database.stop().then(() => process.exit(0), fail));
} catch (error) {
  fail(error);
}

function fail(error: unknown): never {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
}
