import { Client, DatabaseError } from 'pg';

/** An `app` is alone of its kind on a data directory; any number of scripts may work beside it. */
export type ProcessRole = 'app' | 'script';

/** The first half of this module's advisory locks on the embedded server. */
const LOCKS = 0x67617465;
const IN_USE = 1;
const APP = 2;

/** A killed process's session is gone within milliseconds; a live one keeps its locks longer than this. */
const LOCK_TIMEOUT_MS = 1000;

const SQLSTATE_LOCK_TIMEOUT = '55P03';
/** too_many_connections, admin_shutdown, crash_shutdown, cannot_connect_now */
const PASSING = new Set(['53300', '57P01', '57P02', '57P03']);

/** Another application already runs on this data directory. */
export class AlreadyRunningError extends Error {
  override readonly name = 'AlreadyRunningError';

  constructor(who: string, cause: unknown) {
    super(`Gatehouse already runs on this DATA_DIR (${who}): stop it first, or give this one a DATA_DIR of its own`, {
      cause,
    });
  }
}

/**
 * The right to use the embedded server: session locks on a connection of its own, so that they end with the process,
 * however it ends. Everyone holds `IN_USE` shared; who gets it alone is the last and may stop the server, while
 * newcomers wait for that lock and then find the server gone. The connection is to the maintenance database: the
 * application's own may be copied and dropped meanwhile.
 */
export class Lease {
  readonly #client: Client;
  /** Resolves when the connection has ended, for whatever reason. */
  readonly ended: Promise<void>;

  private constructor(client: Client) {
    this.#client = client;
    this.ended = new Promise((resolve) => void client.once('end', resolve));
    // The end that follows an error is what counts.
    client.on('error', () => {});
  }

  /**
   * `url` names the maintenance database.
   * @throws {AlreadyRunningError} when the role is `app` and another has it; see {@link isPassing} for the rest.
   */
  static async take(url: string, role: ProcessRole): Promise<Lease> {
    const lease = new Lease(newClient(url, role));
    try {
      await lease.#client.connect();
      await lease.#lock(role);
      return lease;
    } catch (error) {
      await lease.release();
      throw error;
    }
  }

  /** Gives up the use of the server; true when nobody else has it, and nobody will get it while this lease lasts. */
  async isLast(): Promise<boolean> {
    try {
      await this.#client.query('SELECT pg_advisory_unlock_shared($1, $2)', [LOCKS, IN_USE]);
      const { rows } = await this.#client.query<{ alone: boolean }>('SELECT pg_try_advisory_lock($1, $2) AS alone', [
        LOCKS,
        IN_USE,
      ]);
      return rows[0]?.alone === true;
    } catch (error) {
      // Without a connection there is no lock to hold, and likely no server: someone else is stopping it.
      if (isPassing(error)) return false;
      throw error;
    }
  }

  async release(): Promise<void> {
    await this.#client.end().catch(() => {});
  }

  async #lock(role: ProcessRole): Promise<void> {
    await this.#client.query('SELECT pg_advisory_lock_shared($1, $2)', [LOCKS, IN_USE]);
    if (role === 'script') return;
    try {
      await this.#client.query('SELECT pg_advisory_lock($1, $2)', [LOCKS, APP]);
    } catch (error) {
      if (isLockTimeout(error)) throw new AlreadyRunningError(await this.#whoRuns(), error);
      throw error;
    }
  }

  async #whoRuns(): Promise<string> {
    const { rows } = await this.#client.query<{ name: string }>(
      `SELECT application_name AS name FROM pg_stat_activity JOIN pg_locks USING (pid)
        WHERE locktype = 'advisory' AND classid = $1 AND objid = $2 AND granted`,
      [LOCKS, APP],
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

/** Whether to try again: the server starts, stops or is full, or its socket does not answer. Other refusals stand. */
export function isPassing(error: unknown): boolean {
  if (error instanceof AlreadyRunningError) return false;
  if (!(error instanceof DatabaseError)) return true;
  return isLockTimeout(error) || PASSING.has(error.code ?? '');
}

function isLockTimeout(error: unknown): boolean {
  return error instanceof DatabaseError && error.code === SQLSTATE_LOCK_TIMEOUT;
}
