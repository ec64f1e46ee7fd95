import pg from 'pg';
import { connectionStringOf, type ConnectionTarget } from './connection-string.js';

/**
 * Runs first on every connection: adapter-pg and `pg` convert timestamps correctly in UTC and ISO only, and the
 * database, the role, `PGOPTIONS` or the machine may set something else. PgBouncer tracks these two settings and
 * applies them to each server connection.
 */
export const SESSION_SETTINGS_SQL = "SET TimeZone = 'UTC'; SET DateStyle = 'ISO'";

/** {@link SESSION_SETTINGS_SQL} as a pool option. The pool awaits the promise, although its types do not say so. */
export const POOL_SESSION_SETTINGS = {
  onConnect: (client: pg.ClientBase): Promise<unknown> => client.query(SESSION_SETTINGS_SQL),
};

/** Opens one connection in UTC and ISO; the caller ends it. */
export async function openConnection(
  target: Pick<ConnectionTarget, 'url' | 'isPooled'>,
  options: pg.ClientConfig,
): Promise<pg.Client> {
  const client = new pg.Client({ ...options, connectionString: connectionStringOf(target) });
  // A connection failure rejects the query in progress as well.
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
