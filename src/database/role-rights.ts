import pg from 'pg';
import { schemaOf } from '../config/postgres-url.js';
import type { ConnectionTarget } from './connection.js';

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
export async function requireMigrationRights(client: pg.Client, { setting, url }: ConnectionTarget): Promise<void> {
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
      : `${role} may not migrate, since the tables in the schema ${schema} belong to ${owner}. Run \`npm run db:migrate\` with that role in the URL, then start again`;
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
export function missingRights({ setting, url }: Pick<ConnectionTarget, 'setting' | 'url'>, reason: string): string {
  const schema = pg.escapeIdentifier(schemaOf(url));
  return `The role of ${setting} lacks a right: ${reason}. Let the owner of the tables run the GRANT statements of README ("Run it") for this role and the schema ${schema}, or name the owner in the URL.`;
}
