import { Client, DatabaseError } from 'pg';

/** An `app` is the only one of its kind on a data directory; any number of scripts may run beside it. */
export type ProcessRole = 'app' | 'script';

/** First key of this module's advisory locks on the embedded server. */
const LOCK_CLASS = 0x67617465;
/** Second keys. */
const IN_USE = 1;
const APP = 2;

/** The session of a killed process ends within milliseconds; a living process holds its locks longer than this. */
const LOCK_TIMEOUT_MS = 1000;

const SQLSTATE_LOCK_TIMEOUT = '55P03';
/** too_many_connections, admin_shutdown, crash_shutdown, cannot_connect_now */
const TRANSIENT_SQLSTATES = new Set(['53300', '57P01', '57P02', '57P03']);

/** Another application already runs on this data directory. */
export class AlreadyRunningError extends Error {
  override readonly name = 'AlreadyRunningError';

  constructor(who: string, cause: unknown) {
    super(`Gatehouse already runs on this DATA_DIR (${who}): stop it first, or use another DATA_DIR`, { cause });
  }
}

/**
 * Marks this process as a user of the embedded server, by advisory locks on a dedicated connection, so that they end
 * with the process. Every process holds `IN_USE` shared. A process that gets it exclusively is the last one and may
 * stop the server; processes that arrive meanwhile wait for the lock and then find the server stopped. The connection
 * is to the maintenance database, because the application's database may be copied and dropped.
 */
export class UsageLock {
  readonly #client: Client;
  /** Resolves when the connection has ended, for any reason. */
  readonly lost: Promise<void>;

  private constructor(client: Client) {
    this.#client = client;
    this.lost = new Promise((resolve) => void client.once('end', resolve));
    // `end` follows every error.
    client.on('error', () => {});
  }

  /**
   * Connects and locks. `url` names the maintenance database.
   * @throws {AlreadyRunningError} when the role is `app` and another process has it; see
   *   {@link transientOrThrow} for the rest.
   */
  static async acquire(url: string, role: ProcessRole): Promise<UsageLock> {
    const lock = new UsageLock(newClient(url, role));
    try {
      await lock.#client.connect();
      await lock.#lockForRole(role);
      return lock;
    } catch (error) {
      await lock.release();
      throw error;
    }
  }

  /**
   * Gives up the shared lock, and tries for the exclusive one: true when no other process uses the
   * server, or can until `release()`.
   */
  async lockExclusivelyIfLast(): Promise<boolean> {
    try {
      await this.#client.query('SELECT pg_advisory_unlock_shared($1, $2)', [LOCK_CLASS, IN_USE]);
      const { rows } = await this.#client.query<{ isLocked: boolean }>(
        'SELECT pg_try_advisory_lock($1, $2) AS "isLocked"',
        [LOCK_CLASS, IN_USE],
      );
      return rows[0]?.isLocked === true;
    } catch (error) {
      // Without a connection there is no lock, and probably no server: another process is stopping it.
      if (isTransient(error)) return false;
      throw error;
    }
  }

  async release(): Promise<void> {
    await this.#client.end().catch(() => {});
  }

  async #lockForRole(role: ProcessRole): Promise<void> {
    await this.#client.query('SELECT pg_advisory_lock_shared($1, $2)', [LOCK_CLASS, IN_USE]);
    if (role === 'script') return;
    try {
      await this.#client.query('SELECT pg_advisory_lock($1, $2)', [LOCK_CLASS, APP]);
    } catch (error) {
      if (isLockTimeout(error)) throw new AlreadyRunningError(await this.#runningApplication(), error);
      throw error;
    }
  }

  async #runningApplication(): Promise<string> {
    const { rows } = await this.#client.query<{ name: string }>(
      `SELECT application_name AS name FROM pg_stat_activity JOIN pg_locks USING (pid)
        WHERE locktype = 'advisory' AND classid = $1 AND objid = $2 AND granted`,
      [LOCK_CLASS, APP],
    );
    return rows[0]?.name ?? 'its process is unknown';
  }
}

function newClient(connectionString: string, role: ProcessRole): Client {
  return new Client({
    connectionString,
    application_name: `gatehouse ${role}, process ${process.pid}`,
    connectionTimeoutMillis: 5000,
    lock_timeout: LOCK_TIMEOUT_MS,
  });
}

/** Rejection handler: returns an error that is worth a retry, and throws any other. */
export function transientOrThrow(error: unknown): unknown {
  if (isTransient(error)) return error;
  throw error;
}

/** Whether to retry: the server is starting, stopping or full, or its socket does not answer. */
function isTransient(error: unknown): boolean {
  if (error instanceof AlreadyRunningError) return false;
  if (!(error instanceof DatabaseError)) return true;
  return isLockTimeout(error) || TRANSIENT_SQLSTATES.has(error.code ?? '');
}

function isLockTimeout(error: unknown): boolean {
  return error instanceof DatabaseError && error.code === SQLSTATE_LOCK_TIMEOUT;
}
