import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { PrismaPg } from '@prisma/adapter-pg';
import pg from 'pg';
import { CONFIG, type Config } from '../config/config.js';
import { PrismaClient, type Prisma } from './generated/client.js';

/** What a method that joins a transaction takes first. */
export type Transaction = Prisma.TransactionClient;

/** How much longer the client waits for an answer than the server may take, for a server that no longer obeys. */
const PATIENCE_MS = 1000;

/** The Prisma client over a bounded pool with deadlines. Only repositories query through it. */
@Injectable()
export class PrismaService extends PrismaClient implements OnApplicationShutdown {
  readonly #pool: pg.Pool;
  readonly #limits: { maxWait: number; timeout: number };

  constructor(@Inject(CONFIG) config: Config) {
    const pool = createPool(config);
    super({ adapter: new PrismaPg(pool, { disposeExternalPool: true }) });
    this.#pool = pool;
    this.#limits = {
      maxWait: config.databaseConnectionTimeoutMs,
      timeout: config.databaseStatementTimeoutMs + config.databaseLockTimeoutMs,
    };
  }

  /** Runs the work in one transaction, rolled back when it throws. CPU-bound work belongs before it, never inside. */
  transaction<Result>(work: (tx: Transaction) => Promise<Result>): Promise<Result> {
    return this.$transaction(work, this.#limits);
  }

  /** Connections of the pool: open, idle, and callers waiting for one. */
  stats(): { total: number; idle: number; waiting: number } {
    return { total: this.#pool.totalCount, idle: this.#pool.idleCount, waiting: this.#pool.waitingCount };
  }

  /** Not onModuleDestroy: requests in flight still need the database then. */
  async onApplicationShutdown(): Promise<void> {
    await this.$disconnect();
  }
}

function createPool(config: Config): pg.Pool {
  const pool = new pg.Pool({
    connectionString: config.databaseUrl,
    max: config.databasePoolSize,
    connectionTimeoutMillis: config.databaseConnectionTimeoutMs,
    statement_timeout: config.databaseStatementTimeoutMs,
    query_timeout: config.databaseStatementTimeoutMs + PATIENCE_MS,
    lock_timeout: config.databaseLockTimeoutMs,
    idle_in_transaction_session_timeout: config.databaseIdleTransactionTimeoutMs,
    keepAlive: true,
    application_name: 'gatehouse',
  });
  // An idle connection that breaks is replaced at the next query; without a listener it would end the process.
  pool.on('error', () => undefined);
  return pool;
}
