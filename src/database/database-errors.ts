import { serviceUnavailable } from '../problems/http-status.problems.js';
import type { Problem } from '../problems/problem.js';
import { Prisma } from './generated/client.js';

/** Prisma: unreachable, timed out, closed, pool exhausted, transaction not started or expired, write conflict. */
const PASSING_PRISMA_CODES = new Set(['P1001', 'P1002', 'P1008', 'P1017', 'P2024', 'P2028', 'P2034', 'P2037']);
/** PostgreSQL: connection, authorization, rollback, resources, prerequisite state, intervention, system; read-only, no database. */
const PASSING_SQLSTATE = /^(?:08|28|40|53|55|57|58)|^(?:25006|3D000)$/;
/** The driver adapter: what it says without a code. */
const PASSING_KINDS = new Set<unknown>([
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
const POOL_MESSAGES =
  /timeout exceeded when trying to connect|Connection terminated|Query read timeout|Client has encountered/;

/** 503 for trouble of the database that passes; undefined for anything else, such as a defect of a query. */
export function translateDatabaseError(error: unknown): Problem | undefined {
  for (let link = error, depth = 0; link instanceof Object && depth < 6; link = causeOf(link), depth++) {
    if (isPassing(link)) return serviceUnavailable({ cause: error });
  }
  return undefined;
}

/**
 * Whether PostgreSQL has undone a statement or transaction to let another pass: a deadlock or a conflict, worth another attempt.
 * Not 40003, which says that it may have been done.
 */
export function isRetryableConflict(error: unknown): boolean {
  return codesOf(error).some((code) => code === 'P2034' || /^40(?!003)\w{3}$/.test(code));
}

/** Whether the database cannot be reached at all, or does not answer: no matter what is asked. */
export function isUnreachable(error: unknown): boolean {
  const isSilent =
    error instanceof Error && /timeout expired|Connection terminated|Query read timeout/.test(error.message);
  return isSilent || codesOf(error).some((code) => SOCKET_CODES.has(code) || code.startsWith('57P0'));
}

/** The codes of an error and its causes, outermost first: of the system, SQLSTATE, or Prisma's. */
export function codesOf(error: unknown): string[] {
  const codes: unknown[] = [];
  for (let link = error, depth = 0; link instanceof Object && depth < 6; link = causeOf(link), depth++) {
    if (!isOfFile(link))
      codes.push(...['code', 'originalCode'].map((member) => Reflect.get(link as object, member) as unknown));
  }
  return codes.filter((code) => typeof code === 'string');
}

/** The unique index whose value a row holds already that an insert or update brought; undefined for any other failure. */
export function violatedIndex(error: unknown): string | undefined {
  if (!codesOf(error).some((code) => code === 'P2002' || code === '23505')) return undefined;
  for (let link = error, depth = 0; link instanceof Object && depth < 6; link = causeOf(link), depth++) {
    const constraint: unknown = Reflect.get(link, 'constraint');
    const name: unknown = constraint instanceof Object ? Reflect.get(constraint, 'index') : constraint;
    if (typeof name === 'string') return name;
  }
  return undefined;
}

function isPassing(error: object): boolean {
  if (error instanceof Prisma.PrismaClientInitializationError) return true;
  if (PASSING_KINDS.has(Reflect.get(error, 'kind'))) return true;
  if (isOfFile(error)) return false;
  const codes = ['code', 'originalCode'].map((member) => String(Reflect.get(error, member)));
  return codes.some(isPassingCode) || (error instanceof Error && POOL_MESSAGES.test(error.message));
}

/** What failed is an operation on a file, such as a handler's own, and no connection to a database, not even by a socket's path. */
function isOfFile(error: object): boolean {
  const syscall: unknown = Reflect.get(error, 'syscall');
  return typeof Reflect.get(error, 'path') === 'string' && syscall !== undefined && syscall !== 'connect';
}

function isPassingCode(code: string): boolean {
  return PASSING_PRISMA_CODES.has(code) || SOCKET_CODES.has(code) || (code.length === 5 && PASSING_SQLSTATE.test(code));
}

function causeOf(error: object): unknown {
  const meta: unknown = Reflect.get(error, 'meta');
  return Reflect.get(error, 'cause') ?? (meta instanceof Object ? Reflect.get(meta, 'driverAdapterError') : undefined);
}
