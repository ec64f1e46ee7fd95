import { codesOf } from './database-errors.js';
import type { Prisma } from './generated/client.js';

/** A transaction of `PrismaService`. */
type Transaction = Pick<Prisma.TransactionClient, '$queryRaw'>;

const ABORTED = '25P02';
/** Prisma's code of a transaction that has taken too long. */
const EXPIRED = 'P2028';

/**
 * Runs the work of an application in the transaction. A `COMMIT` between would end the transaction, and what follows be written without
 * one; PostgreSQL answers the commit of a transaction in which a statement has failed by a rollback, without an error. So the transaction
 * is asked before and after it.
 * @throws {Error} where the work has not ended in time, or it is not the same transaction afterwards, or a statement in it has failed
 */
export async function runApplicationWork<Result>(
  tx: Transaction,
  work: () => Promise<Result> | Result,
  timeoutMs: number,
): Promise<Result> {
  const begun = await startOf(tx);
  const result = await endedWithin(timeoutMs, async () => work());
  if ((await startOf(tx)) !== begun)
    throw new Error(
      'A statement has ended the transaction in which it ran: leave out COMMIT and ROLLBACK, and throw to undo the work.',
    );
  return result;
}

/** When the transaction began, to the microsecond; that of another one, or of a statement outside of one, differs. */
async function startOf(tx: Transaction): Promise<string | undefined> {
  try {
    const [row] = await tx.$queryRaw<{ begun: string }[]>`SELECT transaction_timestamp()::text AS begun`;
    return row?.begun;
  } catch (cause) {
    if (!codesOf(cause).includes(ABORTED)) throw cause;
    throw new Error(
      'A statement of the transaction has failed, and its error was caught: PostgreSQL undoes the whole transaction. Let the error pass, or put a SAVEPOINT before that statement and ROLLBACK TO it.',
      { cause },
    );
  }
}

/** Its connection is given to others then, and a request that went on waiting would have no answer. */
async function endedWithin<Result>(milliseconds: number, work: () => Promise<Result>): Promise<Result> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    const message = `The work of a transaction has not ended within ${milliseconds} ms: it was rolled back.`;
    reject(Object.assign(new Error(message), { code: EXPIRED }));
  }, milliseconds);
  try {
    return await Promise.race([work(), late]);
  } finally {
    clearTimeout(timer);
  }
}
