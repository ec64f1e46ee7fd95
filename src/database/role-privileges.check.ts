import pg from 'pg';
import type { DatabaseConfig } from '../config/config.js';
import { operatorCommand } from '../config/operator-commands.js';
import { schemaOf } from '../config/postgres-url.js';
import { openClient, pooledTarget, type ConnectionTarget } from './connection.js';

interface Rights {
  readonly role: string;
  readonly hasSchema: boolean;
  readonly mayMakeSchema: boolean;
  readonly mayMakeTables: boolean;
  /** Null where there are no tables yet. */
  readonly owner: string | null;
  readonly isOwner: boolean;
}

const LOOK = `
  SELECT current_user AS role, schemas.oid IS NOT NULL AS "hasSchema",
         has_database_privilege(current_database(), 'CREATE') AS "mayMakeSchema",
         coalesce(has_schema_privilege(schemas.oid, 'CREATE'), false) AS "mayMakeTables",
         pg_get_userbyid(relowner) AS owner, coalesce(pg_has_role(relowner, 'USAGE'), false) AS "isOwner"
  FROM (SELECT $1::text AS name) wanted LEFT JOIN pg_namespace schemas ON nspname = wanted.name
       LEFT JOIN pg_class ON relnamespace = schemas.oid AND relname = 'users' AND relkind IN ('r', 'p')`;

/**
 * Asked before a migration is begun: one that fails for want of a right would be entered as failed, and bar every start.
 * @throws {Error} with what to run, and as whom.
 */
export async function requireMigrationPrivileges(client: pg.Client, { setting, url }: ConnectionTarget): Promise<void> {
  const { rows } = await client.query<Rights>(LOOK, [schemaOf(url)]);
  const [rights] = rows;
  const flaw = rights && flawOf(rights, pg.escapeIdentifier(schemaOf(url)));
  if (flaw !== undefined) throw new Error(`${setting}: the role ${flaw}`);
}

function flawOf(
  { role, hasSchema, mayMakeSchema, mayMakeTables, owner, isOwner }: Rights,
  schema: string,
): string | undefined {
  const name = pg.escapeIdentifier(role);
  if (owner !== null) {
    return isOwner
      ? undefined
      : `${role} may not migrate, since the tables in the schema ${schema} belong to ${owner}. Run \`${operatorCommand('migrate')}\` with that role in the URL, then start again`;
  }
  if (hasSchema) {
    return mayMakeTables
      ? undefined
      : `${role} may not make tables in the schema ${schema}. Migrate with another role, or let an administrator run: GRANT USAGE, CREATE ON SCHEMA ${schema} TO ${name};`;
  }
  return mayMakeSchema
    ? undefined
    : `${role} may not make the schema ${schema}, which is not there. Let an administrator run: CREATE SCHEMA ${schema} AUTHORIZATION ${name};`;
}

/** What a node is told whose role lacks a right on rows or tables; `reason` is PostgreSQL's. */
export function missingPrivilegesMessage(
  { setting, url }: Pick<ConnectionTarget, 'setting' | 'url'>,
  reason: string,
): string {
  const schema = pg.escapeIdentifier(schemaOf(url));
  return `The role of ${setting} lacks a right: ${reason}. Let the owner of the tables run the GRANT statements of docs/operations.md ("Deploy") for this role and the schema ${schema}, or name the owner in the URL.`;
}

/** What the service and its commands do to the rows of each table; of columns, a right on one will do. */
const NEEDED: Readonly<Record<string, readonly string[]>> = {
  users: ['SELECT', 'INSERT', 'UPDATE', 'DELETE'],
  sessions: ['SELECT', 'INSERT', 'UPDATE', 'DELETE'],
  devices: ['SELECT', 'INSERT', 'UPDATE', 'DELETE'],
  account_guards: ['SELECT', 'INSERT', 'UPDATE', 'DELETE'],
  rate_limits: ['SELECT', 'INSERT', 'UPDATE', 'DELETE'],
  signing_keys: ['SELECT', 'INSERT', 'UPDATE'],
  revocations: ['SELECT', 'INSERT', 'DELETE'],
  audit_events: ['SELECT', 'INSERT', 'DELETE'],
};

/** A table that is not there is not asked for: the schema may be ahead of the code. */
const MISSING = `
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
 * Asked once the schema is there, as the role of `DATABASE_URL`: without one of these rights the service would start, and answer some
 * requests with 500.
 * @throws {Error} with the rights that are missing.
 */
export async function requireTablePrivileges(config: DatabaseConfig): Promise<void> {
  const target = pooledTarget(config);
  const client = await openClient(target, {
    connectionTimeoutMillis: config.databaseConnectionTimeoutMs,
    query_timeout: config.databaseStatementTimeoutMs,
    application_name: 'gatehouse rights',
  });
  try {
    const needed = Object.entries(NEEDED).flatMap(([name, privileges], place) =>
      privileges.map((privilege) => ({ name, privilege, place })),
    );
    const { rows } = await client.query<{ missing: string | null }>(MISSING, [
      schemaOf(target.url),
      JSON.stringify(needed),
    ]);
    const missing = rows[0]?.missing;
    if (missing) throw new Error(missingPrivilegesMessage(target, missing));
  } finally {
    await client.end();
  }
}
