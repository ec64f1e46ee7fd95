import pg from 'pg';
import type { DatabaseConfig } from '../config/config.js';
import type { CircuitBreaker } from './circuit-breaker.js';
import { connectionStringOf, pooledTarget, POOL_SESSION_SETTINGS } from './connection.js';
import { retryConflicts } from './transaction-retry.js';

/** How much longer the client waits for an answer than the server may take, for a server that no longer obeys. */
const PATIENCE_MS = 1000;

type Connected = (error: Error | undefined, client: pg.PoolClient | undefined, release: () => void) => void;

/** A bounded pool with deadlines that refuses at once while the database is known not to answer. */
export class ConnectionPool extends pg.Pool {
  constructor(
    config: DatabaseConfig,
    private readonly breaker: CircuitBreaker,
  ) {
    super({
      connectionString: connectionStringOf(pooledTarget(config)),
      ...POOL_SESSION_SETTINGS,
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
    this.on('error', () => undefined);
  }

  /** A single statement; done again where PostgreSQL has undone it to let another pass, or a sequence was behind. `never` fits all that `pg` declares. */
  override query(statement: string | pg.QueryConfig): never {
    const run = (text: string | pg.QueryConfig): Promise<pg.QueryResult> => super.query(text);
    return retryConflicts(() => run(statement), run) as never;
  }

  override connect(): Promise<pg.PoolClient>;
  override connect(connected: Connected): void;
  override connect(connected?: Connected): Promise<pg.PoolClient> | void {
    const { cause } = this.breaker;
    if (cause === undefined) return connected ? super.connect(connected as never) : super.connect();
    const error = new Error('Connection terminated: the database does not answer', { cause });
    if (connected === undefined) return Promise.reject(error);
    process.nextTick(connected, error, undefined, () => undefined);
  }
}
