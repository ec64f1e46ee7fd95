import { STATUS_CODES } from 'node:http';
import {
  bodyTooLarge,
  headersTooLarge,
  internalError,
  mediaTypeUnsupported,
  methodNotAllowed,
  notFound,
  requestMalformed,
  requestTimeout,
  serviceUnavailable,
  uriTooLong,
} from './http-status.problems.js';
import { Problem, PROBLEM_CODE, type ProblemFactory } from './problem.js';

/** Turns a module's driver errors into problems; undefined for any other error. */
export type TranslateError = (error: unknown) => Problem | undefined;

const byStatus = new Map<number, ProblemFactory>(
  [
    requestMalformed,
    notFound,
    methodNotAllowed,
    requestTimeout,
    bodyTooLarge,
    uriTooLong,
    mediaTypeUnsupported,
    headersTooLarge,
    serviceUnavailable,
  ].map((factory) => [factory.kind.status, factory]),
);

/** Names of RFC 9110 for which Node has older ones. */
const NAMES: Readonly<Record<number, string>> = { 413: 'Content Too Large', 422: 'Unprocessable Content' };

/** Nest's `HttpException` by its shape: a process may have two copies of the class. */
interface HttpException extends Error {
  getStatus(): number;
  getResponse(): unknown;
}

/** An error of a Fastify plugin or of `http-errors`, which says its status itself. */
interface ErrorWithStatus extends Error {
  readonly statusCode: number;
}

/** What an exception says about itself. */
interface Statement {
  readonly status: unknown;
  readonly code?: unknown;
  readonly message: unknown;
}

/**
 * The Problem of anything thrown: itself, or by a framework error's status, an exception's own status or a
 * translation; else 500, as also where its members cannot be read.
 */
export function errorToProblem(error: unknown, translate: TranslateError): Problem {
  try {
    return readableErrorToProblem(error, translate);
  } catch {
    return internalError({ cause: error });
  }
}

function readableErrorToProblem(error: unknown, translate: TranslateError): Problem {
  if (error instanceof Problem) return error;
  // Before `translate`: an aborted body has the error code of a broken database connection.
  const factory = byStatus.get(frameworkStatus(error) ?? 0);
  if (factory !== undefined) return factory({ cause: error });
  const statement = statementOf(error);
  if (statement !== undefined) return problemOfStatement(statement, error);
  return translate(error) ?? internalError({ cause: error });
}

/** The adapter wraps Fastify's error in an HttpException of the same status, as its cause. */
function frameworkStatus(error: unknown): number | undefined {
  const thrown = isHttpException(error) ? error.cause : error;
  if (!(thrown instanceof Error && 'code' in thrown && 'statusCode' in thrown)) return undefined;
  const { statusCode } = thrown;
  const isFrameworkError = (typeof thrown.code === 'string' && thrown.code.startsWith('FST_')) || isAbortedBody(thrown);
  if (!isFrameworkError || typeof statusCode !== 'number') return undefined;
  return thrown === error || statementOf(error)?.status === statusCode ? statusCode : undefined;
}

/** What an `HttpException`, a Fastify plugin's error or one of `http-errors` says; undefined for any other error. */
function statementOf(error: unknown): Statement | undefined {
  if (isErrorWithStatus(error)) return { status: error.statusCode, message: error.message };
  if (!isHttpException(error)) return undefined;
  try {
    const response = error.getResponse();
    const status = error.getStatus();
    // Nest does not send the message of an error that was given as the response.
    if (typeof response !== 'object' || response === null || response instanceof Error)
      return { status, message: typeof response === 'string' ? response : undefined };
    const { code, message } = response as { code?: unknown; message?: unknown };
    return {
      status,
      code,
      message: Array.isArray(message) ? message.filter((part) => typeof part === 'string').join('; ') : message,
    };
  } catch {
    return { status: undefined, message: undefined };
  }
}

function isHttpException(error: unknown): error is HttpException {
  const { getStatus, getResponse } = (error ?? {}) as Partial<HttpException>;
  return error instanceof Error && typeof getStatus === 'function' && typeof getResponse === 'function';
}

/** The error of an HTTP client may have the status that somebody else answered: only errors meant for our client count. */
function isErrorWithStatus(error: unknown): error is ErrorWithStatus {
  if (!(error instanceof Error)) return false;
  const { statusCode, expose } = error as { statusCode?: unknown; expose?: unknown };
  return typeof statusCode === 'number' && statusCode < 500 && (error.name === 'FastifyError' || expose === true);
}

/** Keeps status, message and code; from 500 up the detail is fixed, and without a code so is a kind that we have. */
function problemOfStatement({ status, code: given, message }: Statement, cause: unknown): Problem {
  if (typeof status !== 'number' || !Number.isInteger(status) || status < 400 || status > 599)
    return internalError({ cause });
  const isServerError = status >= 500;
  const title = NAMES[status] ?? STATUS_CODES[status] ?? 'Error';
  const ownCode = typeof given === 'string' && PROBLEM_CODE.test(given) ? given : undefined;
  const known = isServerError ? (status === 500 ? internalError : byStatus.get(status)) : undefined;
  if (known !== undefined && ownCode === undefined) return new Problem(known.kind, { cause });
  const code = ownCode ?? (title === 'Error' ? `status_${status}` : snakeCase(title));
  const text = typeof message === 'string' && message !== '' ? message : title;
  return new Problem(
    { code, status, title, detail: isServerError ? (known ?? internalError).kind.detail : text },
    { cause },
  );
}

function snakeCase(title: string): string {
  return title.toLowerCase().replaceAll(/[^a-z]+/g, '_');
}

/** The client disconnected before the end of its body: Fastify gives Node's error status 400 and keeps its code. */
function isAbortedBody(error: Error & { code: unknown; statusCode: unknown }): boolean {
  return error.code === 'ECONNRESET' && error.statusCode === 400;
}
