import { Inject, Injectable, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { PrismaPg } from '@prisma/adapter-pg';
import { CONFIG, type DatabaseConfig } from '../config/config.js';
import { schemaOf } from '../config/postgres-url.js';
import { CircuitBreaker } from './circuit-breaker.js';
import { Prisma, PrismaClient } from './generated/client.js';
import { ConnectionPool } from './connection-pool.js';
import { retryConflicts } from './transaction-retry.js';

/** For the SQL of repositories. */
export { Prisma };

/** What a method that joins a transaction takes first. */
export type Transaction = Prisma.TransactionClient;

/** The Prisma client over a bounded pool with deadlines. Only repositories query through it. */
@Injectable()
export class PrismaService extends PrismaClient implements OnModuleInit, OnApplicationShutdown {
  readonly #pool: ConnectionPool;
  readonly #options: { isolationLevel: Prisma.TransactionIsolationLevel; maxWait: number; timeout: number };
  readonly #effects = new WeakMap<Transaction, (() => void)[]>();

  constructor(@Inject(CONFIG) config: DatabaseConfig, breaker: CircuitBreaker) {
    const pool = new ConnectionPool(config, breaker);
    const adapter = new PrismaPg(pool, { disposeExternalPool: true, schema: schemaOf(config.databaseUrl) });
    // The other formats repeat the arguments of a call, and so passwords' hashes, in the message.
    super({ adapter, errorFormat: 'minimal' });
    this.#pool = pool;
    this.#options = {
      // Waiting for a row's lock must show the row as it is afterwards, whatever the server's default.
      isolationLevel: 'ReadCommitted',
      maxWait: config.databaseConnectionTimeoutMs,
      timeout: config.databaseStatementTimeoutMs + config.databaseLockTimeoutMs,
    };
  }

  /** The first query loads the query compiler and connects, which takes long: not at somebody's cost. */
  async onModuleInit(): Promise<void> {
    await this.$queryRaw`SELECT 1`;
  }

  /**
   * Runs the work in one transaction, rolled back when it throws. CPU-bound work belongs before it, never inside. Where
   * PostgreSQL undoes it because of a deadlock or a conflict (SQLSTATE 40), or a sequence was behind its table, it is done again.
   */
  transaction<Result>(work: (tx: Transaction) => Promise<Result>): Promise<Result> {
    return retryConflicts(
      () => this.#attempt(work),
      (statement) => this.#pool.query(statement),
    );
  }

  async #attempt<Result>(work: (tx: Transaction) => Promise<Result>): Promise<Result> {
    const effects: (() => void)[] = [];
    const result = await this.$transaction((tx) => {
      this.#effects.set(tx, effects);
      return work(tx);
    }, this.#options);
    for (const effect of effects) effect();
    return result;
  }

  /** Has the effect follow the commit at once, before {@link transaction} returns; never after a rollback. */
  afterCommit(tx: Transaction, effect: () => void): void {
    const effects = this.#effects.get(tx);
    if (effects === undefined) throw new TypeError('the transaction is not one of this service');
    effects.push(effect);
  }

  /** Connections of the pool: open, idle, and callers waiting for one. */
  poolStats(): { total: number; idle: number; waiting: number } {
    return { total: this.#pool.totalCount, idle: this.#pool.idleCount, waiting: this.#pool.waitingCount };
  }

  /** Not onModuleDestroy: requests in flight still need the database then. */
  async onApplicationShutdown(): Promise<void> {
    await this.$disconnect();
  }
}
