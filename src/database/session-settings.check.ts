import pg from 'pg';
import { schemaOf, parsePostgresUrl } from '../config/postgres-url.js';
import type { ConnectionTarget } from './connection.js';

interface Session {
  readonly role: string;
  readonly database: string;
  readonly timeZone: string;
  readonly dateStyle: string;
  readonly current: string | null;
  readonly isThere: boolean;
  readonly isUsable: boolean;
}

const LOOK = `
  SELECT current_user AS role, current_database() AS database, current_setting('TimeZone') AS "timeZone",
         current_setting('DateStyle') AS "dateStyle", current_schema() AS current, schemas.oid IS NOT NULL AS "isThere",
         coalesce(has_schema_privilege(schemas.oid, 'USAGE'), false) AS "isUsable"
  FROM (SELECT $1::text AS name) wanted LEFT JOIN pg_namespace schemas ON nspname = wanted.name`;

/**
 * Sees to it that times are written and read in UTC and ISO, and that tables are looked for in the schema of the URL; what a pooler
 * drops in silence shows here. A schema that is not there yet is for the migrations to make.
 * @throws {Error} with the statement to run.
 */
export async function requireSessionSettings(client: pg.Client, target: ConnectionTarget): Promise<void> {
  const schema = schemaOf(target.url);
  const { rows } = await client.query<Session>(LOOK, [schema]);
  const [session] = rows;
  const flaw = session && flawOf(session, schema, target);
  if (flaw !== undefined) throw new Error(`${target.setting}: ${flaw}`);
}

function flawOf(session: Session, schema: string, { url, isPooled }: ConnectionTarget): string | undefined {
  const { timeZone, dateStyle, current, isThere, isUsable, role } = session;
  if (!['UTC', 'Etc/UTC'].includes(timeZone)) return remedy(session, 'time zone', timeZone, "TimeZone = 'UTC'");
  if (!dateStyle.startsWith('ISO')) return remedy(session, 'date style', dateStyle, "DateStyle = 'ISO'");
  const name = pg.escapeIdentifier(schema);
  if (current === schema || !isThere) return undefined;
  if (!isUsable) {
    return `the role ${role} may not use the schema ${name}. Run: GRANT USAGE ON SCHEMA ${name} TO ${pg.escapeIdentifier(role)};`;
  }
  const isNamed = parsePostgresUrl(url).searchParams.has('schema');
  const other =
    isNamed || isPooled ? '' : `, or name the other schema as ?schema=${encodeURIComponent(current ?? '')} in the URL`;
  return `${remedy(session, 'schema', current ?? 'none', `search_path = ${name}`)}${other}`;
}

function remedy({ role, database }: Session, what: string, found: string, setting: string): string {
  const names = [role, database].map((name) => pg.escapeIdentifier(name));
  return `its connections have the ${what} ${found}. Run: ALTER ROLE ${names.join(' IN DATABASE ')} SET ${setting}; and renew the connections of the pooler, if there is one`;
}
