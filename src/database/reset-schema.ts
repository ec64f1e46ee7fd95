import pg from 'pg';
import type { DatabaseConfig } from '../config/config.js';
import { schemaOf } from '../config/postgres-url.js';
import { withStartupLock } from './startup-lock.js';
import { directTarget } from './connection-string.js';
import { runStatements } from './create-database.js';

const INSUFFICIENT_PRIVILEGE = '42501';

/**
 * Drops everything in the URL's schema, tables and data alike, and nothing outside it.
 * @throws {Error} with what to do, when the role lacks the privilege.
 */
export async function resetSchema(config: DatabaseConfig): Promise<void> {
  const schema = pg.escapeIdentifier(schemaOf(config.databaseDirectUrl));
  await withStartupLock(config, () =>
    // One query, so that both are done or neither: a role that may drop the schema may lack the privilege to create it.
    runStatements(config.databaseDirectUrl, `DROP SCHEMA IF EXISTS ${schema} CASCADE; CREATE SCHEMA ${schema}`).catch(
      (error: unknown) => {
        if (!(error instanceof pg.DatabaseError) || error.code !== INSUFFICIENT_PRIVILEGE) throw error;
        throw new Error(
          `The role of ${directTarget(config).setting} may not drop and recreate the schema ${schema}, so nothing was changed: ${error.message}. Run the command with the schema's owner in the URL; the owner also needs CREATE on the database.`,
        );
      },
    ),
  );
}
