import pg from 'pg';
import type { DatabaseConfig } from '../config/config.js';
import { prismaCommand } from '../config/operator-commands.js';
import { parsePostgresUrl, schemaOf } from '../config/postgres-url.js';
import { listMigrations, readMigration } from './migration-files.js';

const MIGRATIONS_TABLE = '_prisma_migrations';

/**
 * Checks a database whose schema has no tables yet: new empty ones would look as if every user were lost. The embedded database has the tables
 * of one service. Another may have those of several, so that only what nobody named is refused: a schema that is left out, and tables in
 * `public`, where older versions put them whatever the URL said.
 * @throws {Error} that names the schema of the tables, with the setting to change and the statements that move them.
 */
export async function requireNoTablesElsewhere(client: pg.Client, config: DatabaseConfig): Promise<void> {
  const schema = schemaOf(config.databaseDirectUrl);
  const others = (await schemasWithOurTables(client)).filter((name) => name !== schema);
  const isNamed = parsePostgresUrl(config.databaseDirectUrl).searchParams.has('schema');
  const [other] = config.isEmbedded === true || !isNamed ? others : others.filter((name) => name === 'public');
  if (other === undefined) return;
  const statements = (await moveStatements(client, other, schema)).map((statement) => `  ${statement}`);
  throw new Error(
    [...explanation(schema, other, { isNamed, isEmbedded: config.isEmbedded }), ...statements].join('\n'),
  );
}

function explanation(
  schema: string,
  other: string,
  { isNamed, isEmbedded }: { isNamed: boolean; isEmbedded: boolean | undefined },
): string[] {
  const [name, otherName] = [pg.escapeIdentifier(schema), pg.escapeIdentifier(other)];
  if (isEmbedded === true) {
    return [
      `The schema ${name}${isNamed ? ', which DATABASE_SCHEMA names,' : ''} of the embedded database has no tables of this service, and ${otherName} has them.`,
      `To stay there, set DATABASE_SCHEMA=${other}. To move them, start the service with that, run these statements in its database, and start it again${isNamed ? ` with DATABASE_SCHEMA=${schema}` : ' without DATABASE_SCHEMA'}:`,
    ];
  }
  if (!isNamed) {
    return [
      `DATABASE_URL names no schema, ${name} has no tables of this service, and ${otherName} has them.`,
      `To stay there, set DATABASE_SCHEMA=${other}. For a second service in ${name}, set DATABASE_SCHEMA=${schema}. To move them, stop every node and run:`,
    ];
  }
  return [
    `DATABASE_URL names the schema ${name}, which has no tables of this service, and ${otherName} has them.`,
    `To stay there, write ?schema=${other}. For a second service beside the one in ${otherName}, run ${prismaCommand('migrate deploy')} once. To move them, stop every node and run:`,
  ];
}

/** The schemas with a history of our migrations that this role may read. */
export async function schemasWithOurTables(client: pg.Client): Promise<string[]> {
  // Not with to_regclass, which fails for a role that may not use the schema.
  const { rows } = await client.query<{ name: string }>(
    `SELECT nspname AS name FROM pg_class JOIN pg_namespace schemas ON schemas.oid = relnamespace
     WHERE relname = $1 AND has_schema_privilege(schemas.oid, 'USAGE') AND has_table_privilege(pg_class.oid, 'SELECT') ORDER BY 1`,
    [MIGRATIONS_TABLE],
  );
  const [first] = await listMigrations();
  const found: string[] = [];
  for (const { name } of rows) {
    const table = `${pg.escapeIdentifier(name)}.${MIGRATIONS_TABLE}`;
    const { rowCount } = await client.query(`SELECT FROM ${table} WHERE migration_name = $1`, [first]);
    if (rowCount) found.push(name);
  }
  return found;
}

/** For everything that our migrations create outside of tables, and the tables themselves, as far as the older version had them. */
async function moveStatements(client: pg.Client, from: string, to: string): Promise<string[]> {
  const texts = await Promise.all((await listMigrations()).map((migration) => readMigration(migration)));
  const created = [...texts.join('\n').matchAll(/^CREATE (?:OR REPLACE )?(TABLE|TYPE|FUNCTION) "(\w+)"/gm)];
  const { rows } = await client.query<{ object: string }>(
    `SELECT 'TABLE ' || relname AS object FROM pg_class WHERE relnamespace = $1::text::regnamespace
     UNION SELECT 'TYPE ' || typname FROM pg_type WHERE typnamespace = $1::text::regnamespace
     UNION SELECT 'FUNCTION ' || proname FROM pg_proc WHERE pronamespace = $1::text::regnamespace`,
    [pg.escapeIdentifier(from)],
  );
  const existing = new Set(rows.map(({ object }) => object));
  const moved = created.filter(([, kind, name]) => existing.has(`${kind} ${name}`));
  const [source, target] = [from, to].map((name) => pg.escapeIdentifier(name));
  const objects = new Set([
    `TABLE ${source}."${MIGRATIONS_TABLE}"`,
    ...moved.map(([, kind, name]) => `${kind} ${source}."${name}"`),
  ]);
  return [
    `CREATE SCHEMA IF NOT EXISTS ${target};`,
    ...[...objects].map((object) => `ALTER ${object} SET SCHEMA ${target};`),
  ];
}
