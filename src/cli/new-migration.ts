import { mkdir, writeFile } from 'node:fs/promises';
import { readSettings } from '../config/read-settings.js';
import { newMigrationFolder } from '../database/migration-files.js';
import { endCommand, provideForCommand } from './command-database.js';
import { diffMigrationsWithSchema } from '../database/prisma-schema-engine.js';
import { createScratchDatabase } from '../database/create-database.js';
import { NO_WAIT } from '../database/startup-wait.js';
import { retryUntilDatabaseAnswers } from '../database/wait-for-database.js';

/** `npm run db:migrate:new -- NAME`: writes what takes a freshly migrated database to `schema.prisma`. */
async function main([name = '']: readonly string[]): Promise<void> {
  if (!/^[a-z][a-z\d_]{0,60}$/.test(name)) {
    throw new Error('usage: npm run db:migrate:new -- NAME, in lower case with underscores');
  }
  const database = await provideForCommand(readSettings('migrate'));
  try {
    const { config } = database;
    const sql = await retryUntilDatabaseAnswers(config, NO_WAIT, () => missingFromMigrations(config.databaseDirectUrl));
    if (sql === undefined) process.stdout.write('schema.prisma has not changed.\n');
    else process.stdout.write(`Wrote ${await write(name, sql)}: read it before you commit it.\n`);
  } finally {
    await database.stop();
  }
}

async function missingFromMigrations(url: string): Promise<string | undefined> {
  const scratch = await createScratchDatabase(url);
  try {
    return await diffMigrationsWithSchema(scratch.url);
  } finally {
    await scratch.drop();
  }
}

async function write(name: string, sql: string): Promise<string> {
  const folder = newMigrationFolder(name, new Date());
  await mkdir(folder);
  await writeFile(`${folder}/migration.sql`, sql);
  return `${folder}/migration.sql`;
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  await endCommand(1, error instanceof Error ? error.message : String(error));
}
// The engine leaves a timer of ten seconds behind.
process.exit();
