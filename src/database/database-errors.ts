import { serviceUnavailable } from '../problems/http-status.problems.js';
import { isError, isObject, memberOf, thrownText } from '../config/thrown-text.js';
import type { Problem } from '../problems/problem.js';
import { Prisma } from './generated/client.js';

/** Prisma: unreachable, timed out, closed, pool exhausted, transaction not started or expired, write conflict. */
const TRANSIENT_PRISMA_CODES = new Set(['P1001', 'P1002', 'P1008', 'P1017', 'P2024', 'P2028', 'P2034', 'P2037']);
/**
 * PostgreSQL: connection, authorization, rollback, resources, prerequisite state, intervention,
 * system; read-only, no database.
 */
const TRANSIENT_SQLSTATE = /^(?:08|28|40|53|55|57|58)|^(?:25006|3D000)$/;
/** The driver adapter's kinds of error without a code. */
const TRANSIENT_ADAPTER_KINDS = new Set<unknown>([
  'AuthenticationFailed',
  'ConnectionClosed',
  'DatabaseAccessDenied',
  'DatabaseDoesNotExist',
  'DatabaseNotReachable',
  'SocketTimeout',
  'TlsConnectionError',
  'TooManyConnections',
  'TransactionWriteConflict',
]);
const SOCKET_CODES = new Set(['ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'ENOTFOUND', 'EAI_AGAIN', 'ENOENT']);
const TRANSIENT_CLIENT_MESSAGES = /Connection terminated|Query read timeout|Client has encountered/;

/**
 * A connection could not be opened, whatever the reason: network, TLS, login, limit. Without a code of its own, so that
 * Prisma hands it on and does not translate only what it knows.
 */
export class ConnectionError extends Error {
  override readonly name = 'ConnectionError';

  constructor(override readonly cause: Error) {
    super(cause.message);
  }
}

/** The 503 problem for a transient database error; undefined for any other, such as a defective query. */
export function translateDatabaseError(error: unknown): Problem | undefined {
  for (let link = error, depth = 0; isObject(link) && depth < 6; link = causeOf(link), depth++) {
    if (isTransient(link)) return serviceUnavailable({ cause: error });
  }
  return undefined;
}

/**
 * Whether PostgreSQL rolled the statement or transaction back because of a deadlock or a serialization conflict, so
 * that it can be retried. Not for 40003, where it may have been committed.
 */
export function isRetryableConflict(error: unknown): boolean {
  return codesOf(error).some((code) => code === 'P2034' || /^40(?!003)\w{3}$/.test(code));
}

/** Whether the database cannot be reached or does not answer, whatever the statement. */
export function isUnreachable(error: unknown): boolean {
  const isTimeout =
    isError(error) && /timeout expired|Connection terminated|Query read timeout/.test(thrownText(error));
  return isTimeout || codesOf(error).some((code) => SOCKET_CODES.has(code) || code.startsWith('57P0'));
}

/** The codes of an error and its causes, outermost first: system error codes, SQLSTATEs and Prisma codes. */
export function codesOf(error: unknown): string[] {
  const codes: unknown[] = [];
  for (let link = error, depth = 0; isObject(link) && depth < 6; link = causeOf(link), depth++) {
    if (!isFileError(link)) codes.push(...['code', 'originalCode'].map((member) => memberOf(link, member)));
  }
  return codes.filter((code) => typeof code === 'string');
}

/** Whether a foreign key forbids the change: 23001 for one with `RESTRICT` on PostgreSQL 18, 23503 for others. */
export function isForeignKeyViolation(error: unknown): boolean {
  return codesOf(error).some((code) => ['P2003', '23001', '23503'].includes(code));
}

/** Name of the unique index that an insert or update violated; undefined for any other error. */
export function violatedIndex(error: unknown): string | undefined {
  return codesOf(error).some((code) => code === 'P2002' || code === '23505') ? constraintOf(error) : undefined;
}

/**
 * Name of the foreign key that forbids a change: of a row whose target does not exist (any more), or the deletion of a
 * target. Undefined for any other error.
 */
export function violatedForeignKey(error: unknown): string | undefined {
  return isForeignKeyViolation(error) ? constraintOf(error) : undefined;
}

function constraintOf(error: unknown): string | undefined {
  for (let link = error, depth = 0; isObject(link) && depth < 6; link = causeOf(link), depth++) {
    const constraint: unknown = memberOf(link, 'constraint');
    const name: unknown = isObject(constraint) ? memberOf(constraint, 'index') : constraint;
    if (typeof name === 'string') return name;
  }
  return undefined;
}

function isTransient(error: object): boolean {
  if (isError(error) && (error instanceof ConnectionError || error instanceof Prisma.PrismaClientInitializationError))
    return true;
  if (TRANSIENT_ADAPTER_KINDS.has(memberOf(error, 'kind'))) return true;
  if (isFileError(error)) return false;
  const codes = ['code', 'originalCode'].map((member): unknown => memberOf(error, member));
  return (
    codes.some((code) => typeof code === 'string' && isTransientCode(code)) ||
    (isError(error) && TRANSIENT_CLIENT_MESSAGES.test(thrownText(error)))
  );
}

/**
 * Whether an operation on a file failed, such as a handler's own. Connecting to a Unix
 * socket by its path does not count.
 */
function isFileError(error: object): boolean {
  const syscall: unknown = memberOf(error, 'syscall');
  return typeof memberOf(error, 'path') === 'string' && syscall !== undefined && syscall !== 'connect';
}

function isTransientCode(code: string): boolean {
  return (
    TRANSIENT_PRISMA_CODES.has(code) || SOCKET_CODES.has(code) || (code.length === 5 && TRANSIENT_SQLSTATE.test(code))
  );
}

function causeOf(error: object): unknown {
  const meta: unknown = memberOf(error, 'meta');
  return memberOf(error, 'cause') ?? (isObject(meta) ? memberOf(meta, 'driverAdapterError') : undefined);
}
