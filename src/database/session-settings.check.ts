import pg from 'pg';
import { schemaOf, parsePostgresUrl } from '../config/postgres-url.js';
import type { ConnectionTarget } from './connection-string.js';

interface SessionSettings {
  readonly role: string;
  readonly database: string;
  readonly timeZone: string;
  readonly dateStyle: string;
  readonly currentSchema: string | null;
  readonly doesSchemaExist: boolean;
  readonly isSchemaUsable: boolean;
}

const SETTINGS_SQL = `
  SELECT current_user AS role, current_database() AS database, current_setting('TimeZone') AS "timeZone",
         current_setting('DateStyle') AS "dateStyle", current_schema() AS "currentSchema", schemas.oid IS NOT NULL AS "doesSchemaExist",
         coalesce(has_schema_privilege(schemas.oid, 'USAGE'), false) AS "isSchemaUsable"
  FROM (SELECT $1::text AS name) wanted LEFT JOIN pg_namespace schemas ON nspname = wanted.name`;

/**
 * Checks that the session uses UTC, the date style ISO and the URL's schema, since a pooler may silently drop these
 * settings. Accepts a schema that does not exist yet: the migrations create it.
 * @throws {Error} with the statement to run.
 */
export async function requireSessionSettings(client: pg.Client, target: ConnectionTarget): Promise<void> {
  const schema = schemaOf(target.url);
  const { rows } = await client.query<SessionSettings>(SETTINGS_SQL, [schema]);
  const [session] = rows;
  const mismatch = session && mismatchOf(session, schema, target);
  if (mismatch !== undefined) throw new Error(`${target.setting}: ${mismatch}`);
}

function mismatchOf(session: SessionSettings, schema: string, { url, isPooled }: ConnectionTarget): string | undefined {
  const { timeZone, dateStyle, currentSchema, doesSchemaExist, isSchemaUsable, role } = session;
  if (!['UTC', 'Etc/UTC'].includes(timeZone))
    return settingMismatch(session, 'time zone', timeZone, "TimeZone = 'UTC'");
  if (!dateStyle.startsWith('ISO')) return settingMismatch(session, 'date style', dateStyle, "DateStyle = 'ISO'");
  const name = pg.escapeIdentifier(schema);
  if (currentSchema === schema || !doesSchemaExist) return undefined;
  if (!isSchemaUsable) {
    return `the role ${role} may not use the schema ${name}. Run: GRANT USAGE ON SCHEMA ${name} TO ${pg.escapeIdentifier(role)};`;
  }
  const isNamed = parsePostgresUrl(url).searchParams.has('schema');
  const other =
    isNamed || isPooled
      ? ''
      : `, or name the other schema as ?schema=${encodeURIComponent(currentSchema ?? '')} in the URL`;
  return `${settingMismatch(session, 'schema', currentSchema ?? 'none', `search_path = ${name}`)}${other}`;
}

function settingMismatch({ role, database }: SessionSettings, what: string, found: string, setting: string): string {
  const names = [role, database].map((name) => pg.escapeIdentifier(name));
  return `its connections have the ${what} ${found}. Run: ALTER ROLE ${names.join(' IN DATABASE ')} SET ${setting}; and restart the pooler's connections, if there is a pooler`;
}
