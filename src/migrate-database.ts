import { readSettings } from './config/read-settings.js';
import { provideDatabase } from './database/provide-database.js';
import { bringSchemaUpToDate, pendingMigrations } from './database/schema-version.js';

/** `npm run db:migrate`: applies the pending migrations to `DATABASE_URL`, or to the embedded database. */
async function main(): Promise<void> {
  const database = await provideDatabase(readSettings('migrate'), 'script');
  const { config } = database;
  try {
    const pending = await pendingMigrations(config);
    await bringSchemaUpToDate(config, { migrate: true });
    process.stdout.write(pending.length > 0 ? `Applied ${pending.join(', ')}\n` : 'Nothing to migrate.\n');
  } finally {
    await database.stop();
  }
}

try {
  await main();
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
