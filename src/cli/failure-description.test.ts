import { describe, expect, it } from 'vitest';
import { internalError, serviceUnavailable } from '../problems/http-status.problems.js';
import { describeFailure } from './failure-description.js';

/** An error as the Prisma client throws it: its call first, the reason in the last line. */
function prismaError(message: string): Error {
  const error = new Error(`Invalid \`prisma.user.findMany()\` invocation:\n\n\n${message}`);
  return Object.assign(error, { name: 'PrismaClientUnknownRequestError' });
}

const LOCK_TIMEOUT = prismaError('canceling statement due to lock timeout');
const BROKEN_CONNECTION = Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' });
const NO_KEY = new Error('no key is active');

describe('the description of a failure', () => {
  it.each([
    ['thrown by Prisma', LOCK_TIMEOUT, 'canceling statement due to lock timeout'],
    ['of a 503', serviceUnavailable({ cause: LOCK_TIMEOUT }), 'canceling statement due to lock timeout'],
    ['of a 500', internalError({ cause: LOCK_TIMEOUT }), 'canceling statement due to lock timeout'],
    ['of the connection', serviceUnavailable({ cause: BROKEN_CONNECTION }), 'read ECONNRESET'],
  ])('names the database for its error %s', (_, error, reason) => {
    const text = `The database failed while the command ran: ${reason}. It was possibly not done: run it again.`;
    expect(describeFailure(error)).toBe(text);
  });

  it('says what to do about a read-only database', () => {
    const error = prismaError('cannot execute DELETE in a read-only transaction');
    expect(describeFailure(serviceUnavailable({ cause: error }))).toBe(
      'The database is read-only: cannot execute DELETE in a read-only transaction. Name the primary server in DATABASE_URL, or remove default_transaction_read_only from the role and the database.',
    );
  });

  it.each([
    ['a 503 with another cause', serviceUnavailable({ cause: NO_KEY }), 'The command failed: no key is active.'],
    ['a 500', internalError({ cause: new TypeError('x is null.') }), 'The command failed: x is null.'],
    ['a 503 without a cause', serviceUnavailable(), serviceUnavailable.kind.detail],
    ['any other error', NO_KEY, 'no key is active'],
  ])('does not name the database for %s', (_, error, text) => {
    expect(describeFailure(error)).toBe(text);
  });
});
