import { Socket } from 'node:net';
import pg from 'pg';
import { connectionStringOf, SESSION_SETTINGS_SQL, type ConnectionTarget } from './connection.js';

/** Longest wait for the connection, and for the answer to each query. */
export const DEDICATED_CONNECTION_TIMEOUT_MS = 2000;

export interface DedicatedConnectionOptions {
  readonly target: ConnectionTarget;
  /** What `pg_stat_activity` shows. */
  readonly name: string;
  /** Longest wait for the connection and for each answer; {@link DEDICATED_CONNECTION_TIMEOUT_MS} unless it says otherwise. */
  readonly timeoutMs?: number;
  /** Ends the connection, whatever it is at. */
  readonly signal?: AbortSignal;
}

/** One connection apart from the pool, so that no request can keep it busy. After the first failure it is over. */
export class DedicatedConnection {
  /** Aborts when the connection is over, for whatever reason. */
  readonly ended: AbortSignal;

  private constructor(
    private readonly client: pg.Client,
    private readonly socket: Socket,
  ) {
    const over = new AbortController();
    socket.once('close', () => over.abort());
    this.ended = over.signal;
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
    // Every failure shows in the query it fails, or in `ended`.
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

  /** Runs one statement; when it fails the connection is over, since what the server makes of it is unknown. */
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

  /** At once: the server sees the socket close and rolls back what was open. */
  close(): void {
    this.socket.destroy();
  }
}
