import { Inject, Injectable, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { PrismaPg } from '@prisma/adapter-pg';
import { CONFIG, type DatabaseConfig } from '../config/config.js';
import { schemaOf } from '../config/postgres-url.js';
import { runApplicationWork } from './application-work.js';
import { CircuitBreaker } from './circuit-breaker.js';
import { Prisma, PrismaClient } from './generated/client.js';
import { ConnectionPool } from './connection-pool.js';
import { pooledTarget } from './connection-string.js';
import { PreparedStatements } from './prepared-statements.js';
import { retryConflicts } from './transaction-retry.js';

/** For the SQL in repositories. */
export { Prisma };

/** What is to be done at the end of a transaction, in this order. */
interface TransactionEnd {
  readonly beforeCommit: (() => Promise<void>)[];
  readonly afterCommit: (() => void)[];
}

/** First parameter of a method that runs inside a transaction. */
export type Transaction = Prisma.TransactionClient;

/** The Prisma client on a bounded pool with time-outs. Only repositories query through it. */
@Injectable()
export class PrismaService extends PrismaClient implements OnModuleInit, OnApplicationShutdown {
  readonly #pool: ConnectionPool;
  readonly #prepared: PreparedStatements;
  readonly #options: { isolationLevel: Prisma.TransactionIsolationLevel; maxWait: number; timeout: number };
  readonly #ends = new WeakMap<Transaction, TransactionEnd>();

  constructor(@Inject(CONFIG) config: DatabaseConfig, breaker: CircuitBreaker) {
    const pool = new ConnectionPool(config, breaker);
    const adapter = new PrismaPg(pool, { disposeExternalPool: true, schema: schemaOf(config.databaseUrl) });
    // Other formats put a call's arguments, and so password hashes, into the message.
    super({ adapter, errorFormat: 'minimal' });
    this.#pool = pool;
    this.#prepared = new PreparedStatements(pool, pooledTarget(config).isPooled);
    this.#options = {
      // After waiting for a row lock, a statement must see the committed row, whatever the
      // server's default isolation level.
      isolationLevel: 'ReadCommitted',
      maxWait: config.databaseConnectionTimeoutMs,
      timeout: config.databaseStatementTimeoutMs + config.databaseLockTimeoutMs,
    };
  }

  /** The first query is slow, because it loads the query compiler and connects: no request should pay for it. */
  async onModuleInit(): Promise<void> {
    await this.$queryRaw`SELECT 1`;
  }

  /**
   * Runs the work in one transaction and rolls back when it throws. Do CPU-bound work before it, never inside. Runs the
   * work again after a deadlock or serialization conflict (SQLSTATE 40), or when a sequence was behind its table.
   */
  transaction<Result>(work: (tx: Transaction) => Promise<Result>): Promise<Result> {
    return retryConflicts(
      () => this.#runTransactionOnce(work),
      (statement) => this.#pool.query(statement),
    );
  }

  /** Runs the work in the given transaction, or else in {@link transaction}. */
  runIn<Result>(tx: Transaction | undefined, work: (tx: Transaction) => Promise<Result>): Promise<Result> {
    return tx === undefined ? this.transaction(work) : work(tx);
  }

  /** See {@link runApplicationWork}; the time is that after which a transaction is rolled back. */
  runApplicationWork<Result>(tx: Transaction, work: () => Promise<Result> | Result): Promise<Result> {
    return runApplicationWork(tx, work, this.#options.timeout);
  }

  async #runTransactionOnce<Result>(work: (tx: Transaction) => Promise<Result>): Promise<Result> {
    const end: TransactionEnd = { beforeCommit: [], afterCommit: [] };
    const result = await this.$transaction(async (tx) => {
      this.#ends.set(tx, end);
      const value = await work(tx);
      for (const callback of end.beforeCommit) await callback();
      // What comes later, for want of an `await`, would be lost.
      this.#ends.delete(tx);
      return value;
    }, this.#options);
    for (const callback of end.afterCommit) callback();
    return result;
  }

  /**
   * Runs a statement of many requests, outside a transaction, prepared by name and past Prisma: what Prisma and the
   * server's planner take for it is a third of the CPU of a refresh. Its text must be one of few. Values and columns are
   * converted by `pg`.
   */
  queryPrepared<Row extends object>({ text, values }: Prisma.Sql): Promise<Row[]> {
    return this.#prepared.run<Row>(text, values);
  }

  /** Runs the statements of the callback when the work of the transaction is done: a lock that all need is then held for the shortest time. */
  beforeCommit(tx: Transaction, callback: () => Promise<void>): void {
    this.#endOf(tx).beforeCommit.push(callback);
  }

  /** Calls the callback right after the commit, before {@link transaction} returns; never after a rollback. */
  afterCommit(tx: Transaction, callback: () => void): void {
    this.#endOf(tx).afterCommit.push(callback);
  }

  #endOf(tx: Transaction): TransactionEnd {
    const end = this.#ends.get(tx);
    if (end === undefined) throw new TypeError('the transaction has ended, or was not started by this service');
    return end;
  }

  /** Counts of the pool: open connections, idle connections, and callers waiting for one. */
  poolStats(): { total: number; idle: number; waiting: number } {
    return { total: this.#pool.totalCount, idle: this.#pool.idleCount, waiting: this.#pool.waitingCount };
  }

  /** Not in onModuleDestroy, when requests in flight still need the database. */
  async onApplicationShutdown(): Promise<void> {
    await this.$disconnect();
  }
}
