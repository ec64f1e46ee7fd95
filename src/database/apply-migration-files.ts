import type { DatabaseConfig } from '../config/config.js';
import { directTarget } from './connection-string.js';
import { listMigrations, readMigration } from './migration-files.js';
import { openConnection } from './open-connection.js';

/**
 * Applies all migrations of a folder without recording them: for the database of a test.
 * @throws {Error} naming the migration that fails
 */
export async function applyMigrationFiles(folder: string, config: DatabaseConfig): Promise<void> {
  const client = await openConnection(directTarget(config), {
    connectionTimeoutMillis: config.databaseConnectionTimeoutMs,
    application_name: 'gatehouse migrations',
  });
  try {
    for (const name of await listMigrations(folder)) {
      await client.query(await readMigration(name, folder)).catch((error: Error) => {
        throw new Error(`The migration ${folder}/${name} failed: ${error.message}`, { cause: error });
      });
    }
  } finally {
    await client.end();
  }
}
