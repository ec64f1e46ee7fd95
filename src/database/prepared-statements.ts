import { Logger } from '@nestjs/common';
import { hash } from 'node:crypto';
import type pg from 'pg';
import type { ConnectionPool } from './connection-pool.js';
import { codesOf } from './database-errors.js';

/** The server does not know the name, or knows it already: a pooler gave the statement another server connection. */
const OTHER_SERVER = new Set(['26000', '42P05']);
/** A statement returns other types than when it was prepared, such as after a migration; or is not supported at all. */
const CHANGED_TYPES = '0A000';

/**
 * Runs statements that are prepared by name on each connection of the pool, so that the server parses and plans them
 * once. Their texts must be few: a connection keeps each of them.
 */
export class PreparedStatements {
  readonly #pool: Pick<ConnectionPool, 'query'>;
  readonly #log = new Logger('PreparedStatements');
  readonly #names = new Map<string, string>();
  #renamed = 0;
  #arePrepared: boolean;

  /** @param isPooled whether a pooler may be in between: it may give each statement another server connection */
  constructor(pool: Pick<ConnectionPool, 'query'>, isPooled: boolean) {
    this.#pool = pool;
    this.#arePrepared = !isPooled;
  }

  /** Behind a pooler that the settings do not name, the first failure ends the preparation. */
  async run<Row extends object>(text: string, values: readonly unknown[]): Promise<Row[]> {
    if (!this.#arePrepared) return this.#query({ text, values: [...values] });
    const name = this.#nameOf(text);
    try {
      return await this.#query({ name, text, values: [...values] });
    } catch (error) {
      const codes = codesOf(error);
      const code = codes.find((each) => OTHER_SERVER.has(each));
      if (code !== undefined) this.#endPreparation(code);
      else if (!codes.includes(CHANGED_TYPES)) throw error;
      const rows = await this.#query<Row>({ text, values: [...values] });
      this.#renameStatement(text, name);
      return rows;
    }
  }

  #endPreparation(code: string): void {
    if (this.#arePrepared) this.#log.warn({ event: 'statements_not_prepared', code });
    this.#arePrepared = false;
  }

  /** Each connection then prepares it anew. Once for a name, however many connections know it. */
  #renameStatement(text: string, name: string): void {
    if (this.#names.get(text) === name) this.#names.set(text, `${unnumberedName(text)}_${++this.#renamed}`);
  }

  async #query<Row extends object>(statement: pg.QueryConfig): Promise<Row[]> {
    const answer: Promise<pg.QueryResult<Row>> = this.#pool.query(statement);
    return (await answer).rows;
  }

  #nameOf(text: string): string {
    const known = this.#names.get(text);
    if (known !== undefined) return known;
    const name = unnumberedName(text);
    this.#names.set(text, name);
    return name;
  }
}

/** From the text, so that two processes behind one pooler never mean two statements by one name. */
function unnumberedName(text: string): string {
  return `gatehouse_${hash('sha256', text, 'hex').slice(0, 32)}`;
}
