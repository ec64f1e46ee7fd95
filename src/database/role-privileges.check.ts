import pg from 'pg';
import type { DatabaseConfig } from '../config/config.js';
import { operatorCommand } from '../config/operator-commands.js';
import { schemaOf } from '../config/postgres-url.js';
import { pooledTarget, type ConnectionTarget } from './connection-string.js';
import { openConnection } from './open-connection.js';

interface MigrationPrivileges {
  readonly role: string;
  readonly hasSchema: boolean;
  readonly mayCreateSchema: boolean;
  readonly mayCreateTables: boolean;
  /** Null where there are no tables yet. */
  readonly owner: string | null;
  readonly isOwner: boolean;
}

const MIGRATION_PRIVILEGES_SQL = `
  SELECT current_user AS role, schemas.oid IS NOT NULL AS "hasSchema",
         has_database_privilege(current_database(), 'CREATE') AS "mayCreateSchema",
         coalesce(has_schema_privilege(schemas.oid, 'CREATE'), false) AS "mayCreateTables",
         pg_get_userbyid(relowner) AS owner, coalesce(pg_has_role(relowner, 'USAGE'), false) AS "isOwner"
  FROM (SELECT $1::text AS name) wanted LEFT JOIN pg_namespace schemas ON nspname = wanted.name
       LEFT JOIN pg_class ON relnamespace = schemas.oid AND relname = 'users' AND relkind IN ('r', 'p')`;

/**
 * Checks before a migration starts: one that failed for lack of a privilege would be recorded as failed,
 * and prevent every later start.
 * @throws {Error} with the statement to run, and the role that can run it.
 */
export async function requireMigrationPrivileges(client: pg.Client, { setting, url }: ConnectionTarget): Promise<void> {
  const { rows } = await client.query<MigrationPrivileges>(MIGRATION_PRIVILEGES_SQL, [schemaOf(url)]);
  const [privileges] = rows;
  const missing = privileges && missingPrivilegeOf(privileges, pg.escapeIdentifier(schemaOf(url)));
  if (missing !== undefined) throw new Error(`${setting}: the role ${missing}`);
}

function missingPrivilegeOf(
  { role, hasSchema, mayCreateSchema, mayCreateTables, owner, isOwner }: MigrationPrivileges,
  schema: string,
): string | undefined {
  const name = pg.escapeIdentifier(role);
  if (owner !== null) {
    return isOwner
      ? undefined
      : `${role} may not migrate, since the tables in the schema ${schema} belong to ${owner}. Run \`${operatorCommand('migrate')}\` with that role in the URL, then start again`;
  }
  if (hasSchema) {
    return mayCreateTables
      ? undefined
      : `${role} may not create tables in the schema ${schema}. Migrate with another role, or ask an administrator to run: GRANT USAGE, CREATE ON SCHEMA ${schema} TO ${name};`;
  }
  return mayCreateSchema
    ? undefined
    : `${role} may not create the schema ${schema}, which does not exist. Ask an administrator to run: CREATE SCHEMA ${schema} AUTHORIZATION ${name};`;
}

/**
 * The message for a role that lacks a privilege on tables or sequences; `reason` is PostgreSQL's message, or the list.
 */
export function missingPrivilegesMessage(
  { setting, url }: Pick<ConnectionTarget, 'setting' | 'url'>,
  reason: string,
): string {
  const schema = pg.escapeIdentifier(schemaOf(url));
  return `The role of ${setting} lacks a privilege: ${reason}. Ask the owner of the tables to run the GRANT statements of docs/operations.md ("A role for the service") for this role and the schema ${schema}, or put the owner in the URL.`;
}

/** What the service and its commands do with the rows of each table. A privilege on one column of a table is enough. */
const REQUIRED_PRIVILEGES: Readonly<Record<string, readonly string[]>> = {
  users: ['SELECT', 'INSERT', 'UPDATE', 'DELETE'],
  sessions: ['SELECT', 'INSERT', 'UPDATE', 'DELETE'],
  devices: ['SELECT', 'INSERT', 'UPDATE', 'DELETE'],
  account_guards: ['SELECT', 'INSERT', 'UPDATE', 'DELETE'],
  rate_limits: ['SELECT', 'INSERT', 'UPDATE', 'DELETE'],
  signing_keys: ['SELECT', 'INSERT', 'UPDATE'],
  revocations: ['SELECT', 'INSERT', 'DELETE'],
  audit_events: ['SELECT', 'INSERT', 'DELETE'],
};

/** Ignores tables that do not exist: the schema may be ahead of the code. */
const MISSING_PRIVILEGES_SQL = `
  SELECT string_agg(privilege || ' on ' || name, ', ' ORDER BY place) AS missing FROM (
    SELECT needed.name, needed.privilege, needed.place FROM jsonb_to_recordset($2::jsonb) AS needed(name text, privilege text, place int)
    JOIN pg_class ON relname = needed.name AND relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = $1)
    WHERE NOT CASE WHEN needed.privilege = 'DELETE' THEN has_table_privilege(pg_class.oid, 'DELETE')
                   ELSE has_any_column_privilege(pg_class.oid, needed.privilege) END
    UNION ALL
    SELECT relname, 'USAGE', 1000 FROM pg_class
    WHERE relkind = 'S' AND relname IN ('audit_events_id_seq', 'revocations_id_seq')
      AND relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = $1) AND NOT has_sequence_privilege(pg_class.oid, 'USAGE')
  ) lacking`;

/**
 * Checks, once the schema exists, the role of `DATABASE_URL`: without one of these privileges the service would start
 * and answer some requests with 500.
 * @throws {Error} with the missing privileges.
 */
export async function requireTablePrivileges(config: DatabaseConfig): Promise<void> {
  const target = pooledTarget(config);
  const client = await openConnection(target, {
    connectionTimeoutMillis: config.databaseConnectionTimeoutMs,
    query_timeout: config.databaseStatementTimeoutMs,
    application_name: 'gatehouse privileges',
  });
  try {
    const needed = Object.entries(REQUIRED_PRIVILEGES).flatMap(([name, privileges], place) =>
      privileges.map((privilege) => ({ name, privilege, place })),
    );
    const { rows } = await client.query<{ missing: string | null }>(MISSING_PRIVILEGES_SQL, [
      schemaOf(target.url),
      JSON.stringify(needed),
    ]);
    const missing = rows[0]?.missing;
    if (missing) throw new Error(missingPrivilegesMessage(target, missing));
  } finally {
    await client.end();
  }
}
