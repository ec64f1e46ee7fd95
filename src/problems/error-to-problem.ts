import { STATUS_CODES } from 'node:http';
import { BEARER_CHALLENGE } from './bearer-challenge.js';
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
import { Problem, type ProblemFactory } from './problem.js';

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

/** Nest's `HttpException` by its shape: a process may have two copies of the class. */
interface HttpException extends Error {
  getStatus(): number;
  getResponse(): string | object;
}

/**
 * The Problem of anything thrown: itself, or by a framework error's status, a handler's
 * `HttpException` or a translation; else 500.
 */
export function errorToProblem(error: unknown, translate: TranslateError): Problem {
  if (error instanceof Problem) return error;
  // Before `translate`: an aborted body has the error code of a broken database connection.
  const factory = byStatus.get(frameworkStatus(error) ?? 0);
  if (factory !== undefined) return factory({ cause: error });
  if (isHttpException(error)) return problemOfException(error);
  return translate(error) ?? internalError({ cause: error });
}

/** The adapter wraps Fastify's error in an HttpException, as its cause. */
function frameworkStatus(error: unknown): number | undefined {
  const thrown = isHttpException(error) ? error.cause : error;
  if (!(thrown instanceof Error && 'code' in thrown && 'statusCode' in thrown)) return undefined;
  const isFrameworkError = String(thrown.code).startsWith('FST_ERR_') || isAbortedBody(thrown);
  return isFrameworkError && typeof thrown.statusCode === 'number' ? thrown.statusCode : undefined;
}

function isHttpException(error: unknown): error is HttpException {
  const { getStatus, getResponse } = (error ?? {}) as Partial<HttpException>;
  return error instanceof Error && typeof getStatus === 'function' && typeof getResponse === 'function';
}

/** Keeps status, message and, if the response has one, `code`; from 500 up the detail is fixed. */
function problemOfException(exception: HttpException): Problem {
  const status = exception.getStatus();
  const title = STATUS_CODES[status];
  if (title === undefined || status < 400) return internalError({ cause: exception });
  const known = status < 500 ? undefined : byStatus.get(status);
  if (known !== undefined) return known({ cause: exception });
  const { code, detail } = codeAndDetailOf(exception, title);
  return new Problem(
    { code, status, title, detail: status < 500 ? detail : internalError.kind.detail },
    { cause: exception, ...(status === 401 && { headers: { 'www-authenticate': BEARER_CHALLENGE } }) },
  );
}

function codeAndDetailOf(exception: HttpException, title: string): { code: string; detail: string } {
  const response = exception.getResponse();
  const { code, message } = (typeof response === 'string' ? { message: response } : response) as Record<
    string,
    unknown
  >;
  const detail = Array.isArray(message) ? message.map(String).join('; ') : message;
  return {
    code: typeof code === 'string' && /^[a-z][a-z\d_]{0,63}$/.test(code) ? code : snakeCase(title),
    detail: typeof detail === 'string' ? detail : exception.message,
  };
}

function snakeCase(title: string): string {
  return title.toLowerCase().replaceAll(/[^a-z]+/g, '_');
}

/** The client disconnected before the end of its body: Fastify gives Node's error status 400 and keeps its code. */
function isAbortedBody(error: Error & { code: unknown; statusCode: unknown }): boolean {
  return error.code === 'ECONNRESET' && error.statusCode === 400;
}
