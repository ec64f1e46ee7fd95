import { STATUS_CODES } from 'node:http';
import type { FastifySchema, RouteOptions } from 'fastify';
import {
  bodyTooLarge,
  expectationFailed,
  headersTooLarge,
  internalError,
  mediaTypeUnsupported,
  requestMalformed,
  requestTimeout,
  uriTooLong,
} from '../problems/http-status.problems.js';
import type { ProblemFactory, ProblemKind } from '../problems/problem.js';
import { documentedResponse, isProblemResponse } from '../problems/problem-responses.js';
import { jsonMalformed, validationFailed } from '../http/validation.problems.js';

/** What any route can answer before its handler is reached. */
const EVERYWHERE = [
  requestMalformed,
  validationFailed,
  requestTimeout,
  uriTooLong,
  expectationFailed,
  headersTooLarge,
  internalError,
];
const WITH_BODY = [jsonMalformed, bodyTooLarge, mediaTypeUnsupported];
const BODYLESS = new Set(['GET', 'HEAD', 'TRACE']);

/** What hooks refuse with before a handler is reached. */
export interface RouteProblems {
  /** The authentication hook; on every route that is not public. */
  readonly authenticationProblems: readonly ProblemFactory[];
  /** Others, by the route's `config`. */
  readonly hookProblems?: (config: unknown) => readonly ProblemFactory[];
}

/**
 * The schema of a route as the document shows it: with its security as the authentication hook enforces it, and every problem it can
 * answer.
 */
export function operationSchema(
  schema: FastifySchema | undefined,
  route: RouteOptions,
  { authenticationProblems, hookProblems = () => [] }: RouteProblems,
): FastifySchema {
  const access = route.config !== undefined && 'access' in route.config ? route.config.access : undefined;
  const isPublic = access === 'public';
  const readsBody = [route.method].flat().some((method) => !BODYLESS.has(method));
  const common = [
    ...EVERYWHERE,
    ...(readsBody ? WITH_BODY : []),
    ...(isPublic ? [] : authenticationProblems),
    ...hookProblems(route.config),
  ];
  return {
    ...schema,
    security: isPublic ? [] : access === 'bearer-or-body' ? [{ bearer: [] }, {}] : [{ bearer: [] }],
    response: documentedResponses(
      (schema?.response ?? {}) as Record<string, unknown>,
      common.map(({ kind }) => kind),
    ),
  };
}

function documentedResponses(declared: Readonly<Record<string, unknown>>, common: readonly ProblemKind[]) {
  const entries = Object.entries(declared);
  const own = entries.flatMap(([, entry]) => (isProblemResponse(entry) ? entry.problems : []));
  const byStatus = Object.groupBy(new Set([...own, ...common]), ({ status }) => status);
  return {
    ...Object.fromEntries(entries.filter(([, entry]) => !isProblemResponse(entry)).map(described)),
    ...Object.fromEntries(
      Object.entries(byStatus).map(([status, kinds = []]) => [status, documentedResponse(Number(status), kinds)]),
    ),
  };
}

/** OpenAPI wants a description of every answer; the title of its message says most. */
function described([status, schema]: [status: string, schema: unknown]): [string, object] {
  const { title } = schema as { title?: string };
  return [status, { description: title ?? STATUS_CODES[status], ...(schema as object) }];
}
