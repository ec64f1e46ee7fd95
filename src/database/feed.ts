import { Inject, Injectable, Logger, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { setTimeout as pause } from 'node:timers/promises';
import { CONFIG, type Config } from '../config/config.js';
import { DedicatedConnection } from './dedicated-connection.js';
import type { Transaction } from './prisma.service.js';

/** Runs one statement on the feed's own connection. */
export type FeedQuery = <Row extends object>(sql: string, values?: unknown[]) => Promise<Row[]>;

/**
 * Brings what a room holds in memory up to date. `isFresh` says that news may have been missed: read everything, not
 * only what follows the last.
 */
export type FeedReader = (query: FeedQuery, isFresh: boolean) => Promise<void>;

/** Notifications on it carry nothing: they say "read now". */
const CHANNEL = 'gatehouse';
/** How long a change can go unread when no notification arrives. */
const POLL_MS = 500;
const PING_MS = 10_000;
const RETRY_MS = 250;
/** A server that does not answer for so long is tried on a new connection. */
const TIMEOUT_MS = 2000;

/**
 * How a change in the database reaches the memory of every node: each reads its tables every 500 ms, and at once when a
 * writer has announced a change. The tables are the only truth; a lost notification costs half a second. Reading and
 * listening have a connection each: a listening one that died in silence holds up nothing.
 */
@Injectable()
export class Feed implements OnModuleInit, OnApplicationShutdown {
  readonly #log = new Logger('Feed');
  readonly #readers: FeedReader[] = [];
  readonly #closing = new AbortController();
  #connection: DedicatedConnection | undefined;
  #listening: DedicatedConnection | undefined;
  #isFresh = true;
  #isWoken = false;
  #wake: () => void = () => undefined;
  #readAt = performance.now();
  #last = Promise.resolve();
  #isFailing = false;

  constructor(@Inject(CONFIG) private readonly config: Config) {}

  /** Adds a reader; to be called by a constructor, since the first reading is done before any other `onModuleInit`. */
  follow(reader: FeedReader): void {
    this.#readers.push(reader);
  }

  /** Milliseconds since every reader last had an up-to-date answer. */
  get ageMs(): number {
    return performance.now() - this.#readAt;
  }

  /** Whether notifications arrive; without them a change takes up to 500 ms longer. */
  get isListening(): boolean {
    return this.#listening !== undefined;
  }

  /** Tells every node to read when the transaction commits. Commits that announce wait for each other: rare writes only. */
  async announce(tx: Transaction): Promise<void> {
    await tx.$executeRaw`SELECT pg_notify(${CHANNEL}, '')`;
  }

  /** Listens, then reads everything, then lets the application go on. @throws what the first reading throws. */
  async onModuleInit(): Promise<void> {
    await this.#listen().catch(() => undefined);
    await this.catchUp();
    void this.#keepListening();
    void this.#keepReading();
  }

  /** Not earlier: a request in flight may still not pass with a revoked token. */
  onApplicationShutdown(): void {
    this.#closing.abort();
    this.#wake();
    this.#listening?.close();
    this.#connection?.close();
  }

  /** Resolves when everything that was committed before the call has been read. */
  catchUp(): Promise<void> {
    const read = this.#last.then(() => this.#read());
    this.#last = read.catch(() => undefined);
    return read;
  }

  async #keepReading(): Promise<void> {
    while (!this.#closing.signal.aborted) {
      await this.#nextTurn();
      await this.catchUp().then(
        () => this.#recovered(),
        (error: unknown) => this.#failed(error),
      );
    }
  }

  #nextTurn(): Promise<void> {
    if (this.#isWoken) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, POLL_MS).unref();
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  async #read(): Promise<void> {
    const startedAt = performance.now();
    this.#isWoken = false;
    const connection = await this.#current();
    const isFresh = this.#isFresh;
    this.#isFresh = false;
    try {
      await this.#readAll((sql, values) => connection.query(sql, values), isFresh);
      this.#readAt = startedAt;
    } catch (error) {
      this.#isFresh ||= isFresh;
      throw error;
    }
  }

  /** One that is over is replaced before it is asked: a question that must fail would cost half a second. */
  async #current(): Promise<DedicatedConnection> {
    if (this.#connection?.isOver) {
      this.#connection = undefined;
      this.#isFresh = true;
    }
    return (this.#connection ??= await this.#open(this.config.databaseUrl, 'gatehouse feed'));
  }

  /** One that fails keeps no other from its news. */
  async #readAll(query: FeedQuery, isFresh: boolean): Promise<void> {
    const failures: unknown[] = [];
    for (const reader of this.#readers) {
      await reader(query, isFresh).catch((error: unknown) => failures.push(error));
    }
    if (failures.length > 0) throw failures[0];
  }

  async #keepListening(): Promise<void> {
    const { signal } = this.#closing;
    while (!signal.aborted) {
      const connection = this.#listening;
      if (connection === undefined) await pause(RETRY_MS, undefined, { signal, ref: false }).catch(() => undefined);
      await (connection === undefined ? this.#listen() : this.#ping(connection)).catch(() => undefined);
    }
  }

  /** What was announced before is missed, so that everything is read anew. */
  async #listen(): Promise<void> {
    if (this.#closing.signal.aborted) return;
    const connection = await this.#open(this.config.databaseDirectUrl, 'gatehouse listen');
    await connection.listen(CHANNEL, () => this.#wakeUp());
    this.#listening = connection;
    this.#isFresh = true;
    this.#wakeUp();
  }

  /** Returns when the connection is over; asks it now and then, since it can be dead and say nothing. */
  async #ping(connection: DedicatedConnection): Promise<void> {
    const { signal } = this.#closing;
    try {
      while (!signal.aborted) {
        const isOver = await Promise.race([
          connection.ended.then(() => true),
          pause(PING_MS, false, { signal, ref: false }),
        ]);
        if (isOver) return;
        await connection.query('SELECT 1');
      }
    } finally {
      this.#listening = undefined;
      connection.close();
    }
  }

  async #open(connectionString: string, name: string): Promise<DedicatedConnection> {
    const connection = await DedicatedConnection.open({ connectionString, name, timeoutMs: TIMEOUT_MS });
    if (this.#closing.signal.aborted) connection.close();
    return connection;
  }

  #wakeUp(): void {
    this.#isWoken = true;
    this.#wake();
  }

  #failed(error: unknown): void {
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
