import { isCheckout, operatorCommand } from '../config/operator-commands.js';
import { readSettings } from '../config/read-settings.js';
import type { TerminationSignals } from '../config/termination-signals.js';
import { writeMigration } from '../database/migration-files.js';
import { diffMigrationsWithSchema } from '../database/prisma-schema-engine.js';
import { createScratchDatabase } from '../database/create-database.js';
import { NO_WAIT, retryUntilDatabaseAnswers } from '../database/wait-for-database.js';
import { withDatabase } from './command-database.js';
import { reportLostOutput } from './command-output.js';

/** Writes what takes a freshly migrated database to the Prisma schema, and ends the process. */
export async function runMigrateNew(termination: TerminationSignals, name: string): Promise<never> {
  if (!isCheckout) {
    throw new Error('A migration is written in a checkout of the sources alone: run `npm run db:migrate:new` there.');
  }
  await withDatabase(readSettings('migrate'), termination, async (config) => {
    const sql = await retryUntilDatabaseAnswers(config, NO_WAIT, () => missingFromMigrations(config.databaseDirectUrl));
    if (sql === undefined) process.stdout.write('The Prisma schema has not changed.\n');
    else process.stdout.write(`Wrote ${await writeMigration(name, sql, new Date())}: read it before you commit it.\n`);
  });
  await reportLostOutput(operatorCommand('migrate:new'));
  // The engine leaves a timer of ten seconds behind.
  process.exit(0);
}

async function missingFromMigrations(url: string): Promise<string | undefined> {
  const scratch = await createScratchDatabase(url);
  try {
    return await diffMigrationsWithSchema(scratch.url);
  } finally {
    await scratch.drop();
  }
}
