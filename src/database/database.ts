import { Inject, Injectable } from '@nestjs/common';
import { Prisma, PrismaService, type Transaction } from './prisma.service.js';
import { requireNoTransactionControl } from './transaction-control.js';

/** Statements as tagged templates: each value becomes a parameter, never part of the text. */
export interface Statements {
  /** The rows of a statement. */
  query<Row extends object>(sql: TemplateStringsArray, ...values: readonly unknown[]): Promise<Row[]>;
  /** How many rows a statement has changed. */
  execute(sql: TemplateStringsArray, ...values: readonly unknown[]): Promise<number>;
}

/** What {@link Database} needs of the client. */
interface Client {
  $queryRaw<Result>(sql: Prisma.Sql): Promise<Result>;
  $executeRaw(sql: Prisma.Sql): Promise<number>;
}

const transactions = new WeakMap<Statements, Transaction>();

/** The statements of a transaction, for code of an application. */
export function statementsOf(tx: Transaction): Statements {
  const statements = statementsBy(tx);
  transactions.set(statements, tx);
  return statements;
}

/** The transaction of {@link statementsOf}. */
export function transactionOf(statements: Statements): Transaction {
  const tx = transactions.get(statements);
  if (tx === undefined) throw new TypeError('these are not the statements that database.transaction() hands over');
  return tx;
}

function statementsBy(client: Client): Statements {
  return {
    // A promise of Prisma does nothing until somebody waits for it.
    query: async (sql, ...values) => await client.$queryRaw(statementOf(sql, values)),
    execute: async (sql, ...values) => await client.$executeRaw(statementOf(sql, values)),
  };
}

function statementOf(sql: TemplateStringsArray, values: readonly unknown[]): Prisma.Sql {
  requireNoTransactionControl(sql);
  return Prisma.sql(sql, ...values);
}

/** The database of Gatehouse for the modules of an application, on the same connections. */
@Injectable()
export class Database implements Statements {
  readonly #prisma: PrismaService;
  readonly #statements: Statements;

  constructor(@Inject(PrismaService) prisma: object) {
    this.#prisma = prisma as PrismaService;
    this.#statements = statementsBy(this.#prisma);
  }

  /** The rows of a statement. */
  query<Row extends object>(sql: TemplateStringsArray, ...values: readonly unknown[]): Promise<Row[]> {
    return this.#statements.query<Row>(sql, ...values);
  }

  /** How many rows a statement has changed. */
  execute(sql: TemplateStringsArray, ...values: readonly unknown[]): Promise<number> {
    return this.#statements.execute(sql, ...values);
  }

  /**
   * Runs the work in one transaction (READ COMMITTED) and rolls back when it throws. Runs it again after a deadlock or a
   * serialization conflict, so it does nothing that cannot be repeated.
   * @throws {Error} where the work has not ended in time (503), or has caught the error of a statement without a savepoint
   */
  transaction<Result>(work: (tx: Statements) => Promise<Result>): Promise<Result> {
    return this.#prisma.transaction((tx) => this.#prisma.runApplicationWork(tx, () => work(statementsOf(tx))));
  }
}
