import { Inject, Injectable, Logger, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { CONFIG, type Config } from '../config/config.js';
import { CircuitBreaker } from './circuit-breaker.js';
import { directTarget, pooledTarget } from './connection.js';
import { DedicatedConnection } from './dedicated-connection.js';
import { isUnreachable } from './database-errors.js';
import { NotificationListener } from './notification-listener.js';
import type { Transaction } from './prisma.service.js';

/** Runs one statement on the change feed's own connection. */
export type ChangeQuery = <Row extends object>(sql: string, values?: unknown[]) => Promise<Row[]>;

/**
 * Brings what a module holds in memory up to date. `isFresh` says that news may have been missed: read everything, not
 * only what follows the last.
 */
export type ChangeReader = (query: ChangeQuery, isFresh: boolean) => Promise<void>;

/** Notifications on it carry nothing: they say "read now". */
const CHANNEL = 'gatehouse';
/** How long a change can go unread when no notification arrives. */
export const POLL_INTERVAL_MS = 500;

/**
 * How a change in the database reaches the memory of every node: each reads its tables every 500 ms, and at once when a
 * writer has announced a change. The tables are the only truth; a lost notification costs half a second. Reading and
 * listening have a connection each: a listening one that died in silence holds up nothing.
 */
@Injectable()
export class ChangeFeed implements OnModuleInit, OnApplicationShutdown {
  readonly #log = new Logger('ChangeFeed');
  readonly #readers: { readonly read: ChangeReader; isFresh: boolean }[] = [];
  readonly #closing = new AbortController();
  readonly #listener: NotificationListener;
  #connection: DedicatedConnection | undefined;
  #isWoken = false;
  #wake: () => void = () => undefined;
  #last = Promise.resolve();
  #isFailing = false;

  constructor(
    @Inject(CONFIG) private readonly config: Config,
    private readonly breaker: CircuitBreaker,
  ) {
    const { signal } = this.#closing;
    this.#listener = new NotificationListener(directTarget(config), CHANNEL, signal, (isAnew) => this.#wakeUp(isAnew));
  }

  /** Adds a reader; to be called by a constructor, since the first reading is done before any other `onModuleInit`. */
  addReader(reader: ChangeReader): void {
    this.#readers.push({ read: reader, isFresh: true });
  }

  /** Tells every node to read when the transaction commits. Commits that announce wait for each other: rare writes only. */
  async announceChange(tx: Transaction): Promise<void> {
    await tx.$executeRaw`SELECT pg_notify(${CHANNEL}, '')`;
  }

  /** Listens, then reads everything, then lets the application go on. @throws what the first reading throws. */
  async onModuleInit(): Promise<void> {
    await Promise.all([this.#listener.startListening(), this.#current()]);
    await this.readChanges();
    void this.#listener.keepListening();
    void this.#keepReading();
  }

  /** Not earlier: a request in flight may still not pass with a revoked token. */
  onApplicationShutdown(): void {
    this.#closing.abort();
    this.#wake();
    this.#connection?.close();
  }

  /** Resolves when everything that was committed before the call has been read. */
  readChanges(): Promise<void> {
    const read = this.#last.then(() => this.#read());
    this.#last = read.catch(() => undefined);
    return read;
  }

  async #keepReading(): Promise<void> {
    while (!this.#closing.signal.aborted) {
      await this.#nextTurn();
      await this.readChanges().then(
        () => this.#recovered(),
        (error: unknown) => this.#failed(error),
      );
    }
  }

  #nextTurn(): Promise<void> {
    if (this.#isWoken) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, POLL_INTERVAL_MS).unref();
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  /** A reader that fails keeps no other from its news, and no other from being told what is fresh. */
  async #read(): Promise<void> {
    this.#isWoken = false;
    const connection = await this.#current();
    const failures: unknown[] = [];
    for (const reader of this.#readers) {
      const { isFresh } = reader;
      reader.isFresh = false;
      await reader
        .read((sql, values) => connection.query(sql, values), isFresh)
        .catch((error: unknown) => {
          reader.isFresh ||= isFresh;
          failures.push(error);
        });
    }
    if (failures.length > 0) throw failures[0];
  }

  /** One that is over is replaced before it is asked: a question that must fail would cost half a second. */
  async #current(): Promise<DedicatedConnection> {
    if (this.#connection?.isClosed) {
      this.#connection = undefined;
      this.#mayHaveMissed();
    }
    this.#connection ??= await this.#open();
    if (this.#closing.signal.aborted) this.#connection.close();
    return this.#connection;
  }

  async #open(): Promise<DedicatedConnection> {
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
    if (mayHaveMissed) this.#mayHaveMissed();
    this.#isWoken = true;
    this.#wake();
  }

  #mayHaveMissed(): void {
    for (const reader of this.#readers) reader.isFresh = true;
  }

  #failed(error: unknown): void {
    // At once: another connection tells whether this one broke or the database does not answer.
    if (this.#connection?.isClosed) this.#isWoken = true;
    if (this.#isFailing || this.#closing.signal.aborted) return;
    this.#isFailing = true;
    this.#log.warn({ err: error, event: 'feed_failing' });
  }

  #recovered(): void {
    if (!this.#isFailing) return;
    this.#isFailing = false;
    this.#log.warn({ event: 'feed_recovered' });
  }
}
