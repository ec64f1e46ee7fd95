import { readSettings } from '../config/read-settings.js';
import type { TerminationSignals } from '../config/termination-signals.js';
import { ensureMigrated } from '../database/run-migrations.js';
import { type WaitOptions, retryUntilDatabaseAnswers } from '../database/wait-for-database.js';
import { startupLog } from '../logging/startup-log.js';
import { withDatabase } from './command-database.js';

/** Applies the pending migrations and prints the names of those that this process applied. */
export async function runMigrate(termination: TerminationSignals): Promise<void> {
  await withDatabase(readSettings('migrate'), termination, async (config) => {
    // stdout has the result alone; progress of the wait goes to stderr.
    const log = startupLog(config.logLevel, process.stderr);
    const waitOptions: WaitOptions = { seconds: config.databaseStartupSeconds, onWait: log };
    const applied = await retryUntilDatabaseAnswers(config, waitOptions, () =>
      ensureMigrated(config, { migrate: true, waitOptions }),
    );
    process.stdout.write(applied.length > 0 ? `Applied ${applied.join(', ')}\n` : 'Nothing to migrate.\n');
  });
}
