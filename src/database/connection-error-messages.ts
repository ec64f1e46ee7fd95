import { hostOf } from '../config/postgres-url.js';
import { thrownText } from '../config/thrown-text.js';
import type { ConnectionTarget } from './connection-string.js';
import { MissingCreateDatabaseError } from './create-database.js';
import { codesOf } from './database-errors.js';
import { missingPrivilegesMessage } from './role-privileges.check.js';

const TLS_CODES = /^(?:ERR_(?:TLS|SSL|OSSL)|CERT_|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_|HOSTNAME_MISMATCH|EPROTO)/;
/** PgBouncer's message for a startup parameter that it is not configured to accept. */
const UNKNOWN_PARAMETER = /unsupported startup parameter[^`'"\n]*/;
const INSUFFICIENT_PRIVILEGE = '42501';
const READ_ONLY = '25006';
/** A lock or a statement was waited for too long. */
const BUSY_CODES = new Set(['55P03', '57014']);
/** The client's own time-out, where the server does not apply it. */
const QUERY_TIMEOUT_MESSAGE = 'Query read timeout';

/** The parts of an AggregateError, which has no message of its own: a name with two addresses gives one. */
export function partsOf(error: unknown): readonly unknown[] {
  return error instanceof AggregateError ? error.errors : [error];
}

export function messageOf(error: unknown): string {
  const message = thrownText(error);
  return message === '' && error instanceof Error ? (codesOf(error)[0] ?? error.name) : message;
}

export function reasonOf(error: unknown): string {
  return partsOf(error).map(messageOf).join('; ');
}

/** For a statement that waits for a lock or runs too long, on a connection that works; undefined for any other error. */
export function busyMessage(error: unknown, { setting, url }: ConnectionTarget): string | undefined {
  const isBusy = messageOf(error) === QUERY_TIMEOUT_MESSAGE || codesOf(error).some((code) => BUSY_CODES.has(code));
  if (!isBusy) return undefined;
  return `The database of ${setting} at ${hostOf(url)} is busy: ${reasonOf(error)}. Try again once other sessions have released their locks (pg_locks).`;
}

/** For the end of a wait. */
export function noAnswerMessage(error: unknown, setting: string, host: string, seconds: number): string {
  const since = seconds > 0 ? ` within DATABASE_STARTUP_SECONDS (${seconds})` : '';
  return `The database of ${setting} at ${host} did not answer${since}: ${reasonOf(error)}. Check that it runs and accepts connections, and that ${setting} names its host and port.`;
}

/** Explains why opening a connection failed, with what to do; any other error is returned as it is. */
export function explainConnectionError(error: unknown, target: ConnectionTarget): unknown {
  const { setting, url } = target;
  const at = `of ${setting} at ${hostOf(url)}`;
  const [code = ''] = codesOf(error);
  const explained = (message: string): Error => new Error(message, { cause: error });
  const [rejected] = UNKNOWN_PARAMETER.exec(messageOf(error)) ?? [];
  if (rejected !== undefined) return explained(poolerMessage(target, rejected));
  if (code.startsWith('28')) {
    return explained(
      `The database ${at} refuses the login: ${reasonOf(error)}. Correct the user name and the password in ${setting}, or the server's pg_hba.conf.`,
    );
  }
  if (code === '3D000') return explained(`The database ${at} does not exist: ${reasonOf(error)}. Create it first.`);
  if (TLS_CODES.test(code) || /does not support SSL/.test(messageOf(error))) {
    return explained(
      `The TLS connection to the database ${at} fails: ${reasonOf(error)}. For a private CA add sslmode=verify-full&sslrootcert=FILE to the URL; sslmode=disable turns TLS off.`,
    );
  }
  return code === '' ? error : explained(`The database ${at}: ${reasonOf(error)}.`);
}

/** The same for an error of the first statements after connecting. */
export function explainStatementError(error: unknown, target: ConnectionTarget): unknown {
  if (error instanceof MissingCreateDatabaseError) return error;
  const explained = (message: string): Error => new Error(message, { cause: error });
  const [rejected] = UNKNOWN_PARAMETER.exec(messageOf(error)) ?? [];
  if (rejected !== undefined) return explained(poolerMessage(target, rejected));
  if (codesOf(error).includes(READ_ONLY)) {
    return explained(readOnlyMessage(`The database of ${target.setting} at ${hostOf(target.url)}`, reasonOf(error)));
  }
  const busy = busyMessage(error, target);
  if (busy !== undefined) return explained(busy);
  return codesOf(error).includes(INSUFFICIENT_PRIVILEGE)
    ? explained(missingPrivilegesMessage(target, reasonOf(error)))
    : error;
}

/** For a statement that a standby or a read-only session refused. */
export function readOnlyMessage(database: string, reason: string): string {
  return `${database} is read-only: ${reason}. Name the primary server in DATABASE_URL, or remove default_transaction_read_only from the role and the database.`;
}

function poolerMessage({ setting, url }: ConnectionTarget, rejected: string): string {
  const at = `The pooler of ${setting} at ${hostOf(url)} refuses the connection: ${rejected}.`;
  if (rejected.includes('options')) {
    return `${at} Put the URL of the server itself in DATABASE_DIRECT_URL, and remove options from DATABASE_URL: set the same values for the role, by ALTER ROLE … SET.`;
  }
  return `${at} For PgBouncer set ignore_startup_parameters = statement_timeout, lock_timeout, idle_in_transaction_session_timeout, set these time-outs for the role by ALTER ROLE … SET, and put the URL of the server itself in DATABASE_DIRECT_URL (docs/operations.md, "Deploy").`;
}
