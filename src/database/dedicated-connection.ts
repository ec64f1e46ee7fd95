import { Socket } from 'node:net';
import pg from 'pg';
import { connectionStringOf, type ConnectionTarget } from './connection-string.js';
import { SESSION_SETTINGS_SQL } from './open-connection.js';

/** Default time-out for connecting and for each query. */
export const DEDICATED_CONNECTION_TIMEOUT_MS = 2000;

export interface DedicatedConnectionOptions {
  readonly target: ConnectionTarget;
  /** The `application_name` that `pg_stat_activity` shows. */
  readonly name: string;
  /** Time-out for connecting and for each query; by default {@link DEDICATED_CONNECTION_TIMEOUT_MS}. */
  readonly timeoutMs?: number;
  /** Closes the connection at once, also during a query. */
  readonly signal?: AbortSignal;
}

/** One connection outside the pool, so that requests cannot occupy it. The first failure closes it. */
export class DedicatedConnection {
  /** Aborts when the connection closes, for any reason. */
  readonly closed: AbortSignal;

  private constructor(
    private readonly client: pg.Client,
    private readonly socket: Socket,
  ) {
    const closed = new AbortController();
    socket.once('close', () => closed.abort());
    this.closed = closed.signal;
  }

  static async open({
    target,
    name,
    timeoutMs = DEDICATED_CONNECTION_TIMEOUT_MS,
    signal,
  }: DedicatedConnectionOptions): Promise<DedicatedConnection> {
    signal?.throwIfAborted();
    const socket = new Socket();
    const close = (): void => void socket.destroy();
    signal?.addEventListener('abort', close, { once: true });
    socket.once('close', () => signal?.removeEventListener('abort', close));
    const client = new pg.Client({
      connectionString: connectionStringOf(target),
      application_name: name,
      connectionTimeoutMillis: timeoutMs,
      query_timeout: timeoutMs,
      statement_timeout: timeoutMs,
      keepAlive: true,
      stream: () => socket,
    });
    // A connection failure also rejects the query in progress and aborts `closed`.
    client.on('error', () => undefined);
    try {
      await client.connect();
      await client.query(SESSION_SETTINGS_SQL);
      return new DedicatedConnection(client, socket);
    } catch (error) {
      socket.destroy();
      throw error;
    }
  }

  /** Runs one statement. A failure closes the connection, since the state of the session is unknown. */
  async query<Row extends object>(sql: string, values: unknown[] = []): Promise<Row[]> {
    try {
      return (await this.client.query<Row>(sql, values)).rows;
    } catch (error) {
      this.close();
      throw error;
    }
  }

  async listenForNotifications(channel: string, onNotification: () => void): Promise<void> {
    this.client.on('notification', onNotification);
    await this.query(`LISTEN ${channel}`);
  }

  get isClosed(): boolean {
    return this.socket.destroyed;
  }

  /** Closes the socket at once; the server then rolls back an open transaction. */
  close(): void {
    this.socket.destroy();
  }
}
