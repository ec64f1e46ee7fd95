import { Inject, Injectable, Logger, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { CONFIG, type Config } from '../config/config.js';
import { CircuitBreaker } from './circuit-breaker.js';
import { directTarget, pooledTarget } from './connection-string.js';
import { DedicatedConnection } from './dedicated-connection.js';
import { isUnreachable } from './database-errors.js';
import { NotificationListener } from './notification-listener.js';
import type { Transaction } from './prisma.service.js';

/** Runs one statement on the change feed's connection. */
export type ChangeQuery = <Row extends object>(sql: string, values?: unknown[]) => Promise<Row[]>;

/**
 * Updates a module's in-memory state from its tables. `mustReadAll` means that changes may have been missed: the reader
 * then reads everything, not only the rows after the last one it read.
 */
export type ChangeReader = (query: ChangeQuery, mustReadAll: boolean) => Promise<void>;

/** The NOTIFY channel. Notifications have no payload: they only trigger a read. */
const CHANNEL = 'gatehouse';
/** Interval of the reads without a notification: the longest delay of a change when a notification is lost. */
export const POLL_INTERVAL_MS = 500;

/**
 * Carries changes in the database to the memory of every node: each node reads its tables every 500 ms, and at once
 * after a notification. The tables are the only source of truth; a lost notification delays a change by half a second.
 * Reads and LISTEN have a connection each, so that a dead listening connection delays no read.
 */
@Injectable()
export class ChangeFeed implements OnModuleInit, OnApplicationShutdown {
  readonly #log = new Logger('ChangeFeed');
  readonly #readers: { readonly read: ChangeReader; mustReadAll: boolean }[] = [];
  readonly #closing = new AbortController();
  readonly #listener: NotificationListener;
  #connection: DedicatedConnection | undefined;
  #isWoken = false;
  #wake: () => void = () => undefined;
  #lastRead = Promise.resolve();
  #isFailing = false;

  constructor(
    @Inject(CONFIG) private readonly config: Config,
    private readonly breaker: CircuitBreaker,
  ) {
    const { signal } = this.#closing;
    this.#listener = new NotificationListener(directTarget(config), CHANNEL, signal, (mayHaveMissed) =>
      this.#wakeUp(mayHaveMissed),
    );
  }

  /** Adds a reader. Call it in a constructor: the first read runs before any other `onModuleInit`. */
  addReader(reader: ChangeReader): void {
    this.#readers.push({ read: reader, mustReadAll: true });
  }

  /**
   * Notifies every node when the transaction commits. Such commits wait for each other, so use it for rare writes only.
   */
  async announceChange(tx: Transaction): Promise<void> {
    await tx.$executeRaw`SELECT pg_notify(${CHANNEL}, '')`;
  }

  /** Connects and reads everything before the application starts. @throws the error of the first read. */
  async onModuleInit(): Promise<void> {
    await Promise.all([this.#listener.startListening(), this.#currentConnection()]);
    await this.readChanges();
    void this.#listener.keepListening();
    void this.#readAtIntervals();
  }

  /** Not earlier: requests in flight must still be checked against new revocations. */
  onApplicationShutdown(): void {
    this.#closing.abort();
    this.#wake();
    this.#connection?.close();
  }

  /** Resolves when every change committed before the call has been read. */
  readChanges(): Promise<void> {
    const read = this.#lastRead.then(() => this.#runReaders());
    this.#lastRead = read.catch(() => undefined);
    return read;
  }

  async #readAtIntervals(): Promise<void> {
    while (!this.#closing.signal.aborted) {
      await this.#waitForNextRead();
      await this.readChanges().then(
        () => this.#handleRecovery(),
        (error: unknown) => this.#handleFailure(error),
      );
    }
  }

  #waitForNextRead(): Promise<void> {
    if (this.#isWoken) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, POLL_INTERVAL_MS).unref();
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  /** Runs every reader, also after one has failed; then throws the first error. */
  async #runReaders(): Promise<void> {
    this.#isWoken = false;
    const connection = await this.#currentConnection();
    const failures: unknown[] = [];
    for (const reader of this.#readers) {
      const { mustReadAll } = reader;
      reader.mustReadAll = false;
      await reader
        .read((sql, values) => connection.query(sql, values), mustReadAll)
        .catch((error: unknown) => {
          reader.mustReadAll ||= mustReadAll;
          failures.push(error);
        });
    }
    if (failures.length > 0) throw failures[0];
  }

  /** Replaces a closed connection before it is used: a query that must fail would cost half a second. */
  async #currentConnection(): Promise<DedicatedConnection> {
    if (this.#connection?.isClosed) {
      this.#connection = undefined;
      this.#readAllNextTime();
    }
    this.#connection ??= await this.#openConnection();
    if (this.#closing.signal.aborted) this.#connection.close();
    return this.#connection;
  }

  async #openConnection(): Promise<DedicatedConnection> {
    try {
      const connection = await DedicatedConnection.open({ target: pooledTarget(this.config), name: 'gatehouse feed' });
      this.breaker.close();
      return connection;
    } catch (error) {
      if (isUnreachable(error)) this.breaker.open(error);
      throw error;
    }
  }

  #wakeUp(mayHaveMissed: boolean): void {
    if (mayHaveMissed) this.#readAllNextTime();
    this.#isWoken = true;
    this.#wake();
  }

  #readAllNextTime(): void {
    for (const reader of this.#readers) reader.mustReadAll = true;
  }

  #handleFailure(error: unknown): void {
    // Retry at once: a new connection shows whether only this one broke or the database does not answer.
    if (this.#connection?.isClosed) this.#isWoken = true;
    if (this.#isFailing || this.#closing.signal.aborted) return;
    this.#isFailing = true;
    this.#log.warn({ err: error, event: 'feed_failing' });
  }

  #handleRecovery(): void {
    if (!this.#isFailing) return;
    this.#isFailing = false;
    this.#log.warn({ event: 'feed_recovered' });
  }
}
