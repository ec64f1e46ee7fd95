import { setTimeout as pause } from 'node:timers/promises';
import type { ConnectionTarget } from './connection-string.js';
import { DedicatedConnection } from './dedicated-connection.js';

const PING_INTERVAL_MS = 10_000;
const RECONNECT_INTERVAL_MS = 250;

/** Listens to one channel on a dedicated connection, and reconnects when the connection closes. */
export class NotificationListener {
  #connection: DedicatedConnection | undefined;

  /**
   * @param target must not be a transaction pooler, which would lose the LISTEN
   * @param onNotification called for each notification, and with `true` after each (re)connection: notifications
   *   before it may have been missed
   */
  constructor(
    private readonly target: ConnectionTarget,
    private readonly channel: string,
    private readonly signal: AbortSignal,
    private readonly onNotification: (mayHaveMissed: boolean) => void,
  ) {
    signal.addEventListener('abort', () => this.#connection?.close(), { once: true });
  }

  /** Tries to connect once. After a failure {@link keepListening} retries. */
  async startListening(): Promise<void> {
    const connection = await this.#open().catch(() => undefined);
    if (connection === undefined) return;
    this.#connection = connection;
    this.onNotification(true);
  }

  /** Reconnects until the signal aborts. */
  async keepListening(): Promise<void> {
    while (!this.signal.aborted) {
      if (this.#connection === undefined) {
        await this.#wait(RECONNECT_INTERVAL_MS);
        await this.startListening();
      } else {
        await this.#waitUntilClosed(this.#connection);
        this.#connection = undefined;
      }
    }
  }

  async #open(): Promise<DedicatedConnection> {
    this.signal.throwIfAborted();
    const connection = await DedicatedConnection.open({ target: this.target, name: 'gatehouse listen' });
    await connection.listenForNotifications(this.channel, () => this.onNotification(false));
    if (this.signal.aborted) connection.close();
    return connection;
  }

  /** Resolves when the connection closes. Pings it, since a dead connection may not report anything. */
  async #waitUntilClosed(connection: DedicatedConnection): Promise<void> {
    while (!connection.isClosed) {
      await this.#wait(PING_INTERVAL_MS, connection.closed);
      if (!connection.isClosed) await connection.query('SELECT 1').catch(() => connection.close());
    }
  }

  #wait(milliseconds: number, until: AbortSignal = this.signal): Promise<void> {
    return pause(milliseconds, undefined, { signal: until, ref: false }).catch(() => undefined);
  }
}
