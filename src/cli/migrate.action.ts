import { readSettings } from '../config/read-settings.js';
import type { TerminationSignals } from '../config/termination-signals.js';
import { ensureMigrated, pendingMigrations } from '../database/run-migrations.js';
import { type WaitOptions, retryUntilDatabaseAnswers } from '../database/wait-for-database.js';
import { startupLog } from '../logging/startup-log.js';
import { withDatabase } from './command-database.js';

/** Applies the pending migrations and prints their names. */
export async function runMigrate(termination: TerminationSignals): Promise<void> {
  await withDatabase(readSettings('migrate'), termination, async (config) => {
    // stdout has the result alone; progress of the wait goes to stderr.
    const log = startupLog(config.logLevel, process.stderr);
    const waitOptions: WaitOptions = { seconds: config.databaseStartupSeconds, onWait: log };
    const pending = await retryUntilDatabaseAnswers(config, waitOptions, async () => {
      const found = await pendingMigrations(config);
      await ensureMigrated(config, { migrate: true, waitOptions });
      return found;
    });
    process.stdout.write(pending.length > 0 ? `Applied ${pending.join(', ')}\n` : 'Nothing to migrate.\n');
  });
}
