import pg from 'pg';
import type { DatabaseConfig } from '../config/config.js';
import { prismaCommand } from '../config/operator-commands.js';
import { schemaOf } from '../config/postgres-url.js';
import { listMigrations, readMigration } from './migration-files.js';

const MIGRATIONS_TABLE = '_prisma_migrations';

/**
 * Checks a URL whose schema has no tables yet. Older versions ignored `?schema=`, so the tables may be in `public`: new
 * empty ones in the schema would look as if every user were lost.
 * @throws {Error} with the statements that move the tables.
 */
export async function requireNoTablesInPublic(client: pg.Client, config: DatabaseConfig): Promise<void> {
  const schema = schemaOf(config.databaseDirectUrl);
  if (schema === 'public' || !(await hasOurMigrations(client, 'public'))) return;
  const name = pg.escapeIdentifier(schema);
  throw new Error(
    [
      `DATABASE_URL names the schema ${name}, which has no tables of this service, and "public" has them.`,
      'To stay there, write ?schema=public. To move them, stop every node and run:',
      ...(await moveStatements(name)).map((statement) => `  ${statement}`),
      `For a second service beside the one in "public", run ${prismaCommand('migrate deploy')} once.`,
    ].join('\n'),
  );
}

async function hasOurMigrations(client: pg.Client, schema: string): Promise<boolean> {
  // Not with to_regclass, which fails for a role that may not use the schema.
  const { rows: readable } = await client.query(
    `SELECT FROM pg_class JOIN pg_namespace schemas ON schemas.oid = relnamespace
     WHERE nspname = $1 AND relname = $2 AND has_schema_privilege(schemas.oid, 'USAGE') AND has_table_privilege(pg_class.oid, 'SELECT')`,
    [schema, MIGRATIONS_TABLE],
  );
  if (readable.length === 0) return false;
  const [first] = await listMigrations();
  const table = `${pg.escapeIdentifier(schema)}.${MIGRATIONS_TABLE}`;
  return (await client.query(`SELECT FROM ${table} WHERE migration_name = $1`, [first])).rows.length > 0;
}

/** For everything that our migrations create outside of tables, and the tables themselves. */
async function moveStatements(schema: string): Promise<string[]> {
  const texts = await Promise.all((await listMigrations()).map((name) => readMigration(name)));
  const created = [...texts.join('\n').matchAll(/^CREATE (?:OR REPLACE )?(TABLE|TYPE|FUNCTION) "(\w+)"/gm)];
  const moved = [`TABLE public."${MIGRATIONS_TABLE}"`, ...created.map(([, kind, name]) => `${kind} public."${name}"`)];
  return [
    `CREATE SCHEMA IF NOT EXISTS ${schema};`,
    ...new Set(moved.map((object) => `ALTER ${object} SET SCHEMA ${schema};`)),
  ];
}
