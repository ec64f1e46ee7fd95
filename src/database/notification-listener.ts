import { setTimeout as pause } from 'node:timers/promises';
import type { ConnectionTarget } from './connection.js';
import { DedicatedConnection } from './dedicated-connection.js';

const PING_INTERVAL_MS = 10_000;
const RECONNECT_INTERVAL_MS = 250;

/** Hears the notifications of one channel, on a connection of its own that is replaced when it is over. */
export class NotificationListener {
  #connection: DedicatedConnection | undefined;

  /**
   * @param target without a transaction pooler, which would lose the LISTEN
   * @param onNotification called for each notification, and with `true` each time it listens anew: what came before was not heard
   */
  constructor(
    private readonly target: ConnectionTarget,
    private readonly channel: string,
    private readonly signal: AbortSignal,
    private readonly onNotification: (isAnew: boolean) => void,
  ) {
    signal.addEventListener('abort', () => this.#connection?.close(), { once: true });
  }

  /** Tries once; a failure is left to {@link keepListening}. */
  async startListening(): Promise<void> {
    const connection = await this.#open().catch(() => undefined);
    if (connection === undefined) return;
    this.#connection = connection;
    this.onNotification(true);
  }

  /** Returns when the signal aborts. */
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

  /** Returns when the connection is over; asks it now and then, since it can be dead and say nothing. */
  async #waitUntilClosed(connection: DedicatedConnection): Promise<void> {
    while (!connection.isClosed) {
      await this.#wait(PING_INTERVAL_MS, connection.ended);
      if (!connection.isClosed) await connection.query('SELECT 1').catch(() => connection.close());
    }
  }

  #wait(milliseconds: number, over: AbortSignal = this.signal): Promise<void> {
    return pause(milliseconds, undefined, { signal: over, ref: false }).catch(() => undefined);
  }
}
