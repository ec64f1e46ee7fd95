import pg from 'pg';
import type { DatabaseConfig } from '../config/config.js';
import { parsePostgresUrl, schemaOf } from '../config/postgres-url.js';
import { deleteIgnoredParameters } from '../config/postgres-url-parameters.js';

/** Which of the two URLs a connection takes. */
export interface ConnectionTarget {
  readonly setting: 'DATABASE_URL' | 'DATABASE_DIRECT_URL';
  readonly url: string;
  /** Whether a transaction pooler may stand between, which refuses `options` and mixes up what `SET search_path` does. */
  readonly isPooled: boolean;
}

type Urls = Pick<DatabaseConfig, 'databaseUrl' | 'databaseDirectUrl'>;

/** What requests, and the reading of the change feed, go through. */
export function pooledTarget({ databaseUrl, databaseDirectUrl }: Urls): ConnectionTarget {
  return { setting: 'DATABASE_URL', url: databaseUrl, isPooled: databaseUrl !== databaseDirectUrl };
}

/** What migrations, session locks and LISTEN go through. */
export function directTarget({ databaseUrl, databaseDirectUrl }: Urls): ConnectionTarget {
  const setting = databaseUrl === databaseDirectUrl ? 'DATABASE_URL' : 'DATABASE_DIRECT_URL';
  return { setting, url: databaseDirectUrl, isPooled: false };
}

/**
 * Run on every connection before it is used: adapter-pg and `pg` read and write instants right in UTC and ISO alone, whatever
 * database, role, `PGOPTIONS` and machine say. PgBouncer keeps track of these two and takes them to each server it picks.
 */
export const SESSION_SETTINGS_SQL = "SET TimeZone = 'UTC'; SET DateStyle = 'ISO'";

/** The same for a pool, which waits for the promise, though its types do not say so. */
export const POOL_SESSION_SETTINGS = {
  onConnect: (client: pg.ClientBase): Promise<unknown> => client.query(SESSION_SETTINGS_SQL),
};

/** The target as `pg` takes it; to be used by whatever opens a connection, with {@link SESSION_SETTINGS_SQL} after it. */
export function connectionStringOf({ url, isPooled }: Pick<ConnectionTarget, 'url' | 'isPooled'>): string {
  const complete = parsePostgresUrl(url);
  const parameters = complete.searchParams;
  const schema = schemaOf(url);
  parameters.delete('schema');
  // What is told of at the start to have no effect has none: `pg` would put deadlines of the URL, in other units, before ours.
  deleteIgnoredParameters(parameters);
  if (schema !== 'public' && !isPooled) {
    const others = parameters.get('options') ?? '';
    parameters.set('options', `${others} -c search_path=${escapeOption(pg.escapeIdentifier(schema))}`.trim());
  }
  // What pg 8 means by these; pg 9 is to mean less.
  const isWeaker = ['prefer', 'require', 'verify-ca'].includes(parameters.get('sslmode') ?? '');
  if (isWeaker && parameters.get('uselibpqcompat') !== 'true') parameters.set('sslmode', 'verify-full');
  complete.search = parameters.toString().replaceAll('+', '%20');
  return complete.href;
}

/** In `options` a space parts arguments unless a backslash is before it. */
function escapeOption(value: string): string {
  return value.replaceAll(/[\s\\]/g, String.raw`\$&`);
}

/** A connection in UTC and ISO; to be ended by the caller. */
export async function openClient(
  target: Pick<ConnectionTarget, 'url' | 'isPooled'>,
  options: pg.ClientConfig,
): Promise<pg.Client> {
  const client = new pg.Client({ ...options, connectionString: connectionStringOf(target) });
  // Every failure shows in the query it fails.
  client.on('error', () => undefined);
  try {
    await client.connect();
    await client.query(SESSION_SETTINGS_SQL);
    return client;
  } catch (error) {
    void client.end().catch(() => undefined);
    throw error;
  }
}
