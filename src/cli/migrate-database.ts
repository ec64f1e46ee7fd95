import { readSettings } from '../config/read-settings.js';
import { endCommand, provideForCommand } from './command-database.js';
import { ensureMigrated, pendingMigrations } from '../database/run-migrations.js';
import { type WaitOptions } from '../database/startup-wait.js';
import { retryUntilDatabaseAnswers } from '../database/wait-for-database.js';
import { startupLog } from '../logging/log-options.js';

/** `npm run db:migrate`: applies the pending migrations to `DATABASE_URL`, or to the embedded database. */
async function main(): Promise<void> {
  const database = await provideForCommand(readSettings('migrate'));
  const { config } = database;
  try {
    // Its output is the result; what it waits for goes beside it.
    const tell = startupLog(config.logLevel, process.stderr);
    const waitOptions: WaitOptions = { seconds: config.databaseStartupSeconds, onWait: tell };
    const pending = await retryUntilDatabaseAnswers(config, waitOptions, async () => {
      const found = await pendingMigrations(config);
      await ensureMigrated(config, { migrate: true, waitOptions });
      return found;
    });
    process.stdout.write(pending.length > 0 ? `Applied ${pending.join(', ')}\n` : 'Nothing to migrate.\n');
  } finally {
    await database.stop();
  }
}

try {
  await main();
} catch (error) {
  await endCommand(1, error instanceof Error ? error.message : String(error));
}
