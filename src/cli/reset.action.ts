import { operatorCommand } from '../config/operator-commands.js';
import { hostOf, parsePostgresUrl, schemaOf } from '../config/postgres-url.js';
import { readSettings } from '../config/read-settings.js';
import type { TerminationSignals } from '../config/termination-signals.js';
import { ensureMigrated } from '../database/run-migrations.js';
import { resetSchema } from '../database/reset-schema.js';
import { NO_WAIT, retryUntilDatabaseAnswers } from '../database/wait-for-database.js';
import { withDatabase } from './command-database.js';

/** Drops everything and migrates again. @throws {Error} on a `DATABASE_URL` unless forced. */
export async function runReset(termination: TerminationSignals, isForced: boolean): Promise<void> {
  const settings = readSettings('migrate');
  const { databaseUrl } = settings;
  if (databaseUrl !== undefined && !isForced) {
    const { databaseDirectUrl = databaseUrl } = settings;
    throw new Error(
      `This drops the ${nameOf(databaseDirectUrl)}, which DATABASE_URL names, with every user in it. If that is meant: ${operatorCommand('reset', '--force')}`,
    );
  }
  await withDatabase(settings, termination, async (config) => {
    await retryUntilDatabaseAnswers(config, NO_WAIT, async () => {
      await resetSchema(config);
      await ensureMigrated(config, { migrate: true });
    });
    const place = databaseUrl === undefined ? 'The embedded database' : `The ${nameOf(config.databaseDirectUrl)}`;
    process.stdout.write(`${place} is empty and migrated.\n`);
  });
}

/** Without user and password. */
function nameOf(url: string): string {
  const database = decodeURIComponent(parsePostgresUrl(url).pathname.slice(1));
  return `schema "${schemaOf(url)}" of the database "${database}" at ${hostOf(url)}`;
}
