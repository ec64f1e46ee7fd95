import { readSettings } from './config/read-settings.js';
import { endCommand, provideForCommand } from './database/command-database.js';
import { dropEverything } from './database/schema-reset.js';
import { bringSchemaUpToDate } from './database/schema-version.js';
import { AT_ONCE, whenDatabaseAnswers } from './database/startup.js';

/** `npm run db:reset`: drops everything and migrates again. */
async function main(args: readonly string[]): Promise<void> {
  const settings = readSettings('migrate');
  if (settings.databaseUrl !== undefined && !args.includes('--force')) {
    throw new Error('DATABASE_URL is set: add --force to drop everything in that database');
  }
  const database = await provideForCommand(settings);
  try {
    const { config } = database;
    await whenDatabaseAnswers(config, AT_ONCE, async () => {
      await dropEverything(config);
      await bringSchemaUpToDate(config, { migrate: true });
    });
    process.stdout.write('The database is empty and migrated.\n');
  } finally {
    await database.stop();
  }
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  await endCommand(1, error instanceof Error ? error.message : String(error));
}
