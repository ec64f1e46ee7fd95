import { hash } from 'node:crypto';
import type pg from 'pg';
import type { ConnectionPool } from './connection-pool.js';
import { codesOf } from './database-errors.js';

/**
 * What PostgreSQL answers instead of executing a prepared statement: it does not know the name, it knows it already
 * (both behind a pooler in transaction mode), or a migration has changed the type of a column.
 */
const NOT_PREPARED = new Set(['26000', '42P05', '0A000']);

/**
 * Runs statements that are prepared by name on each connection of the pool, so that the server parses and plans them
 * once. Their texts must be few: a connection keeps each of them.
 */
export class PreparedStatements {
  readonly #pool: Pick<ConnectionPool, 'query'>;
  readonly #names = new Map<string, string>();
  #arePrepared: boolean;

  /** @param isPooled whether a pooler may be in between: it may give each statement another server connection */
  constructor(pool: Pick<ConnectionPool, 'query'>, isPooled: boolean) {
    this.#pool = pool;
    this.#arePrepared = !isPooled;
  }

  /** Behind a pooler that the settings do not name, the first failure ends the preparation. */
  async run<Row extends object>(text: string, values: readonly unknown[]): Promise<Row[]> {
    if (!this.#arePrepared) return this.#query({ text, values: [...values] });
    try {
      return await this.#query({ name: this.#nameOf(text), text, values: [...values] });
    } catch (error) {
      if (!codesOf(error).some((code) => NOT_PREPARED.has(code))) throw error;
      this.#arePrepared = false;
      return this.#query({ text, values: [...values] });
    }
  }

  async #query<Row extends object>(statement: pg.QueryConfig): Promise<Row[]> {
    const answer: Promise<pg.QueryResult<Row>> = this.#pool.query(statement);
    return (await answer).rows;
  }

  /** From the text, so that two processes behind one pooler never mean two statements by one name. */
  #nameOf(text: string): string {
    const known = this.#names.get(text);
    if (known !== undefined) return known;
    const name = `gatehouse_${hash('sha256', text, 'hex').slice(0, 32)}`;
    this.#names.set(text, name);
    return name;
  }
}
