import pg from 'pg';
import { connectionStringOf, type ConnectionTarget } from './connection-string.js';

/**
 * Runs first on every connection: adapter-pg and `pg` convert timestamps correctly in UTC and ISO only, and the
 * database, the role, `PGOPTIONS` or the machine may set something else. PgBouncer tracks these two settings and
 * applies them to each server connection.
 */
export const SESSION_SETTINGS_SQL = "SET TimeZone = 'UTC'; SET DateStyle = 'ISO'";

/** How often a backend that runs a statement, or waits for a lock, checks that its client is still connected. */
const CLIENT_CHECK_INTERVAL_MS = 200;
/** A server on a system that cannot report a closed connection, such as Windows, accepts only 0. */
const INVALID_PARAMETER_VALUE = '22023';

/**
 * Prepares the session of a direct connection. A statement ends soon after its process was killed, instead of waiting
 * for a lock and then running: https://www.postgresql.org/docs/current/runtime-config-connection.html
 */
async function prepareDirectSession(client: pg.ClientBase): Promise<void> {
  await client.query(SESSION_SETTINGS_SQL);
  await client.query(`SET client_connection_check_interval = ${CLIENT_CHECK_INTERVAL_MS}`).catch((error: unknown) => {
    if (!(error instanceof pg.DatabaseError) || error.code !== INVALID_PARAMETER_VALUE) throw error;
  });
}

/**
 * The settings of a session as an option of a pool. The pool awaits the promise, although its types do not say so.
 */
export function poolSessionSettings(isPooled: boolean): { onConnect(client: pg.ClientBase): Promise<unknown> } {
  return { onConnect: (client) => (isPooled ? client.query(SESSION_SETTINGS_SQL) : prepareDirectSession(client)) };
}

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
    await (target.isPooled ? client.query(SESSION_SETTINGS_SQL) : prepareDirectSession(client));
    return client;
  } catch (error) {
    void client.end().catch(() => undefined);
    throw error;
  }
}
