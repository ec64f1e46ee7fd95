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

/** Recognises a module's own driver errors; undefined means "not mine". */
export type Translate = (error: unknown) => Problem | undefined;

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

/** What Nest's `HttpException` has; there may be two copies of its class in a process. */
interface HttpException extends Error {
  getStatus(): number;
  getResponse(): string | object;
}

/** Turns anything thrown into a Problem: ours as it is, a framework's by its status, a handler's `HttpException` as it says, the rest 500. */
export function errorToProblem(error: unknown, translate: Translate): Problem {
  if (error instanceof Problem) return error;
  // First, because an aborted body has the code of a broken connection to the database.
  const factory = byStatus.get(frameworkStatus(error) ?? 0);
  if (factory !== undefined) return factory({ cause: error });
  if (isHttpException(error)) return problemOfException(error);
  return translate(error) ?? internalError({ cause: error });
}

/** The adapter makes an HttpException of what Fastify throws, with that as its cause. */
function frameworkStatus(error: unknown): number | undefined {
  const thrown = isHttpException(error) ? error.cause : error;
  if (!(thrown instanceof Error && 'code' in thrown && 'statusCode' in thrown)) return undefined;
  const isFrameworks = String(thrown.code).startsWith('FST_ERR_') || isAbortedBody(thrown);
  return isFrameworks && typeof thrown.statusCode === 'number' ? thrown.statusCode : undefined;
}

function isHttpException(error: unknown): error is HttpException {
  const { getStatus, getResponse } = (error ?? {}) as Partial<HttpException>;
  return error instanceof Error && typeof getStatus === 'function' && typeof getResponse === 'function';
}

/** Keeps status and message, and the `code` where the response has one; from 500 up the text is fixed. */
function problemOfException(exception: HttpException): Problem {
  const status = exception.getStatus();
  const title = STATUS_CODES[status];
  if (title === undefined || status < 400) return internalError({ cause: exception });
  const known = status < 500 ? undefined : byStatus.get(status);
  if (known !== undefined) return known({ cause: exception });
  const { code, detail } = saidBy(exception, title);
  return new Problem(
    { code, status, title, detail: status < 500 ? detail : internalError.kind.detail },
    { cause: exception, ...(status === 401 && { headers: { 'www-authenticate': BEARER_CHALLENGE } }) },
  );
}

function saidBy(exception: HttpException, title: string): { code: string; detail: string } {
  const response = exception.getResponse();
  const { code, message } = (typeof response === 'string' ? { message: response } : response) as Record<
    string,
    unknown
  >;
  const detail = Array.isArray(message) ? message.map(String).join('; ') : message;
  return {
    code: typeof code === 'string' && /^[a-z][a-z\d_]{0,63}$/.test(code) ? code : nameOf(title),
    detail: typeof detail === 'string' ? detail : exception.message,
  };
}

function nameOf(title: string): string {
  return title.toLowerCase().replaceAll(/[^a-z]+/g, '_');
}

/** The client went away within its body: Fastify gives Node's error this status and no code of its own. */
function isAbortedBody(error: Error & { code: unknown; statusCode: unknown }): boolean {
  return error.code === 'ECONNRESET' && error.statusCode === 400;
}
