import { readSettings } from '../config/read-settings.js';
import { onceAborted } from '../config/abort-signals.js';
import { TerminationSignals } from '../config/termination-signals.js';
import { stopAfterEngines } from './prisma-cli-engine-lock.js';
import { provideDatabase } from './provide-database.js';

/**
 * Child process of the Prisma CLI (`.config/prisma.ts`): starts the embedded server, sends its URL to the parent,
 * and keeps it running until the parent ends. Signals are ignored: they go to the whole process group, and the
 * parent still needs the database.
 */
TerminationSignals.listen();
const parentExited = new AbortController();
process.once('disconnect', () => parentExited.abort());

try {
  const database = await provideDatabase(readSettings('migrate'), 'script', parentExited.signal);
  // The parent may have ended meanwhile.
  process.send?.(database.config.databaseDirectUrl, () => undefined);
  onceAborted(parentExited.signal, () => void stopAfterEngines(database).then(() => process.exit(0), fail));
} catch (error) {
  fail(error);
}

function fail(error: unknown): never {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
}
