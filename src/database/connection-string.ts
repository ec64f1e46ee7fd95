import pg from 'pg';
import type { DatabaseConfig } from '../config/config.js';
import { parsePostgresUrl, schemaOf } from '../config/postgres-url.js';
import { deleteIgnoredParameters } from '../config/postgres-url-parameters.js';

/** Which of the two database URLs a connection uses. */
export interface ConnectionTarget {
  readonly setting: 'DATABASE_URL' | 'DATABASE_DIRECT_URL';
  readonly url: string;
  /**
   * Whether there may be a transaction pooler in between: it refuses `options`, and mixes up the
   * effects of `SET search_path`.
   */
  readonly isPooled: boolean;
}

type Urls = Pick<DatabaseConfig, 'databaseUrl' | 'databaseDirectUrl'>;

/** The target of requests and of the change feed's reads. */
export function pooledTarget({ databaseUrl, databaseDirectUrl }: Urls): ConnectionTarget {
  return { setting: 'DATABASE_URL', url: databaseUrl, isPooled: databaseUrl !== databaseDirectUrl };
}

/** The target of migrations, session locks and LISTEN. */
export function directTarget({ databaseUrl, databaseDirectUrl }: Urls): ConnectionTarget {
  const setting = databaseUrl === databaseDirectUrl ? 'DATABASE_URL' : 'DATABASE_DIRECT_URL';
  return { setting, url: databaseDirectUrl, isPooled: false };
}

/**
 * The connection string for `pg`. Every connection uses it, and runs the session settings
 * of `open-connection.ts` first.
 */
export function connectionStringOf({ url, isPooled }: Pick<ConnectionTarget, 'url' | 'isPooled'>): string {
  const complete = parsePostgresUrl(url);
  const parameters = complete.searchParams;
  const schema = schemaOf(url);
  parameters.delete('schema');
  // The start warns that these have no effect. `pg` would let the URL's time-outs, in other units, override ours.
  deleteIgnoredParameters(parameters);
  if (schema !== 'public' && !isPooled) {
    const others = parameters.get('options') ?? '';
    parameters.set('options', `${others} -c search_path=${escapeOption(pg.escapeIdentifier(schema))}`.trim());
  }
  // pg 8 treats these as verify-full; pg 9 will give them libpq's weaker meaning.
  const isWeaker = ['prefer', 'require', 'verify-ca'].includes(parameters.get('sslmode') ?? '');
  if (isWeaker && parameters.get('uselibpqcompat') !== 'true') parameters.set('sslmode', 'verify-full');
  complete.search = parameters.toString().replaceAll('+', '%20');
  return complete.href;
}

/** In `options` a space separates arguments unless it is escaped by a backslash. */
function escapeOption(value: string): string {
  return value.replaceAll(/[\s\\]/g, String.raw`\$&`);
}
