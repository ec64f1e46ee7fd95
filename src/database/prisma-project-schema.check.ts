import { operatorCommand } from '../config/operator-commands.js';
import { schemaOf } from '../config/postgres-url.js';
import { openConnection } from './open-connection.js';
import { schemasWithOurTables } from './tables-elsewhere.check.js';

/** The engine's methods that act in the schema of the URL: on the history of migrations, or on all tables. */
const METHODS_IN_SCHEMA = new Set([
  'applyMigrations',
  'devDiagnostic',
  'diagnoseMigrationHistory',
  'markMigrationApplied',
  'markMigrationRolledBack',
  'reset',
]);

/**
 * Refuses a URL of another schema than the project's, such as one of `--url`, which replaces that of the configuration.
 * @param schema of the project; undefined where its configuration is not ours, so that nothing may be dropped
 */
export function requireOwnSchema(method: string, url: string, schema: string | undefined): void {
  if (schema === undefined) {
    if (method !== 'reset') return;
    throw new Error(
      'Nothing was dropped: only the configuration of gatehouse-auth/prisma (prismaConfig in prisma.config.ts) says which schema may be.',
    );
  }
  const named = schemaOf(url);
  if (named === schema || !METHODS_IN_SCHEMA.has(method)) return;
  throw new Error(
    `Nothing was changed: the URL of this command means the schema "${named}", and the tables of the project are in "${schema}" (databaseSchema of prismaConfig). Write schema=${schema} among its parameters, or leave the URL to prismaConfig.`,
  );
}

/** Refuses a schema with tables of Gatehouse, whatever the configuration says of it. */
export async function requireResettable(url: string): Promise<void> {
  const schema = schemaOf(url);
  const client = await openConnection({ url, isPooled: false }, { application_name: 'gatehouse prisma' });
  try {
    if (!(await schemasWithOurTables(client)).includes(schema)) return;
  } finally {
    await client.end();
  }
  throw new Error(
    `Nothing was dropped: the schema "${schema}" has the tables of Gatehouse, with every user. To drop those, run \`${operatorCommand('reset')}\`.`,
  );
}
