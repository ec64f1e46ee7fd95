import { hostOf, parsePostgresUrl, schemaOf } from '../config/postgres-url.js';
import { readSettings } from '../config/read-settings.js';
import { endCommand, provideForCommand } from './command-database.js';
import { resetSchema } from '../database/reset-schema.js';
import { ensureMigrated } from '../database/run-migrations.js';
import { NO_WAIT } from '../database/startup-wait.js';
import { retryUntilDatabaseAnswers } from '../database/wait-for-database.js';

/** `npm run db:reset`: drops everything and migrates again. */
async function main(args: readonly string[]): Promise<void> {
  const settings = readSettings('migrate');
  if (settings.databaseUrl !== undefined && !args.includes('--force')) {
    const { databaseDirectUrl = settings.databaseUrl } = settings;
    throw new Error(
      `This drops the ${nameOf(databaseDirectUrl)}, which DATABASE_URL names, with every user in it. If that is meant: npm run db:reset -- --force`,
    );
  }
  const database = await provideForCommand(settings);
  try {
    const { config } = database;
    await retryUntilDatabaseAnswers(config, NO_WAIT, async () => {
      await resetSchema(config);
      await ensureMigrated(config, { migrate: true });
    });
    const place =
      settings.databaseUrl === undefined ? 'The embedded database' : `The ${nameOf(config.databaseDirectUrl)}`;
    process.stdout.write(`${place} is empty and migrated.\n`);
  } finally {
    await database.stop();
  }
}

/** Without user and password. */
function nameOf(url: string): string {
  const database = decodeURIComponent(parsePostgresUrl(url).pathname.slice(1));
  return `schema "${schemaOf(url)}" of the database "${database}" at ${hostOf(url)}`;
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  await endCommand(1, error instanceof Error ? error.message : String(error));
}
