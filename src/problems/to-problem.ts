import { HttpException } from '@nestjs/common';
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
} from './framework.problems.js';
import { Problem, type ProblemFactory } from './problem.js';

/** Recognises a room's own driver errors; undefined means "not mine". */
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

/** Turns anything thrown into a Problem: ours as it is, a framework's by its status, the rest 500. */
export function toProblem(error: unknown, translate: Translate): Problem {
  if (error instanceof Problem) return error;
  // First, because an aborted body has the code of a broken connection to the database.
  const factory = byStatus.get(frameworkStatus(error) ?? 0);
  if (factory !== undefined) return factory({ cause: error });
  return translate(error) ?? internalError({ cause: error });
}

function frameworkStatus(error: unknown): number | undefined {
  if (error instanceof HttpException) return error.getStatus();
  if (!(error instanceof Error && 'code' in error && 'statusCode' in error)) return undefined;
  const isFrameworks = String(error.code).startsWith('FST_ERR_') || isAbortedBody(error);
  return isFrameworks && typeof error.statusCode === 'number' ? error.statusCode : undefined;
}

/** The client went away within its body: Fastify gives Node's error this status and no code of its own. */
function isAbortedBody(error: Error & { code: unknown; statusCode: unknown }): boolean {
  return error.code === 'ECONNRESET' && error.statusCode === 400;
}
