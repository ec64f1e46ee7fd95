import pg from 'pg';
import type { DatabaseConfig } from '../config/config.js';
import type { CircuitBreaker } from './circuit-breaker.js';
import { connectionStringOf, pooledTarget } from './connection-string.js';
import { ConnectionError } from './database-errors.js';
import { poolSessionSettings } from './open-connection.js';
import { retryConflicts } from './transaction-retry.js';

/** How much longer the client waits than the server's statement time-out, in case the server does not enforce it. */
const CLIENT_TIMEOUT_MARGIN_MS = 1000;

type ConnectCallback = (error: Error | undefined, client: pg.PoolClient | undefined, release: () => void) => void;

/** A bounded pool with time-outs. It fails at once while the circuit breaker is open. */
export class ConnectionPool extends pg.Pool {
  constructor(
    config: DatabaseConfig,
    private readonly breaker: CircuitBreaker,
  ) {
    const target = pooledTarget(config);
    super({
      connectionString: connectionStringOf(target),
      ...poolSessionSettings(target.isPooled),
      max: config.databasePoolSize,
      connectionTimeoutMillis: config.databaseConnectionTimeoutMs,
      statement_timeout: config.databaseStatementTimeoutMs,
      query_timeout: config.databaseStatementTimeoutMs + CLIENT_TIMEOUT_MARGIN_MS,
      lock_timeout: config.databaseLockTimeoutMs,
      idle_in_transaction_session_timeout: config.databaseIdleTransactionTimeoutMs,
      keepAlive: true,
      application_name: 'gatehouse',
    });
    // The next query replaces an idle connection that broke. Without a listener the event would end the process.
    this.on('error', () => undefined);
  }

  /** Runs one statement; see {@link retryConflicts}. The type `never` satisfies all overloads that `pg` declares. */
  override query(statement: string | pg.QueryConfig): never {
    const run = (text: string | pg.QueryConfig): Promise<pg.QueryResult> => super.query(text);
    return retryConflicts(() => run(statement), run) as never;
  }

  override connect(): Promise<pg.PoolClient>;
  override connect(callback: ConnectCallback): void;
  override connect(callback?: ConnectCallback): Promise<pg.PoolClient> | void {
    if (callback === undefined) return this.#openConnection();
    const { cause } = this.breaker;
    const done: ConnectCallback = (error, client, release) =>
      callback(error && new ConnectionError(error), client, release);
    if (cause === undefined) return super.connect(done as never);
    const error = new Error('Connection terminated: the database does not answer', { cause });
    process.nextTick(done, error, undefined, () => undefined);
  }

  #openConnection(): Promise<pg.PoolClient> {
    return new Promise((resolve, reject) => {
      this.connect((error, client) => (client === undefined ? reject(error) : resolve(client)));
    });
  }
}
