import pg from 'pg';
import type { DatabaseConfig } from '../config/config.js';
import { directTarget } from './connection-string.js';
import { listMigrations, readMigration } from './migration-files.js';
import { openConnection } from './open-connection.js';

/**
 * Applies all migrations of a folder, in a schema of their own, without recording them: for the database of a test.
 * @throws {Error} naming the migration that fails
 */
export async function applyMigrationFiles(folder: string, schema: string, config: DatabaseConfig): Promise<void> {
  const client = await openConnection(directTarget(config), {
    connectionTimeoutMillis: config.databaseConnectionTimeoutMs,
    application_name: 'gatehouse migrations',
  });
  const name = pg.escapeIdentifier(schema);
  try {
    await client.query(`CREATE SCHEMA IF NOT EXISTS ${name}; SET search_path = ${name}`);
    for (const migration of await listMigrations(folder)) {
      await client.query(await readMigration(migration, folder)).catch((error: Error) => {
        throw new Error(`The migration ${folder}/${migration} failed: ${error.message}`, { cause: error });
      });
    }
  } finally {
    await client.end();
  }
}
