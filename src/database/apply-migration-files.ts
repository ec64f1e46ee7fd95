import pg from 'pg';
import type { DatabaseConfig } from '../config/config.js';
import { directTarget } from './connection-string.js';
import { listMigrations, readMigration } from './migration-files.js';
import { openConnection } from './open-connection.js';

/**
 * Applies all migrations of a folder, in a schema of their own, without recording them: for the database of a test.
 * @throws {Error} naming the migration that fails, or the folder that is none of migrations
 */
export async function applyMigrationFiles(folder: string, schema: string, config: DatabaseConfig): Promise<void> {
  const client = await openConnection(directTarget(config), {
    connectionTimeoutMillis: config.databaseConnectionTimeoutMs,
    application_name: 'gatehouse migrations',
  });
  const name = pg.escapeIdentifier(schema);
  try {
    await client.query(`CREATE SCHEMA IF NOT EXISTS ${name}; SET search_path = ${name}`);
    for (const migration of await migrationsIn(folder)) {
      await client.query(await readMigration(migration, folder)).catch((error: Error) => {
        throw new Error(`The migration ${folder}/${migration} failed: ${error.message}`, { cause: error });
      });
    }
  } finally {
    await client.end();
  }
}

async function migrationsIn(folder: string): Promise<string[]> {
  const migrations = await listMigrations(folder).catch((error: Error) => {
    throw new Error(`The folder of the migrations cannot be read: ${error.message}`, { cause: error });
  });
  if (migrations.length === 0) throw new Error(`The folder ${folder} has no migrations: none has been written yet?`);
  return migrations;
}
