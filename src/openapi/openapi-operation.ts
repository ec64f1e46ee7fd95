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
import { openApiResponse, isProblemResponse } from '../problems/problem-responses.js';
import { sendAs } from '../http/content-type-parser.js';
import { JSON_MEDIA_TYPE, listedMediaTypes } from '../http/route-body.js';
import { jsonMalformed, validationFailed } from '../http/validation.problems.js';

/** Problems of every route, before its handler is called. */
const EVERY_ROUTE = [
  requestMalformed,
  validationFailed,
  requestTimeout,
  uriTooLong,
  expectationFailed,
  headersTooLarge,
  internalError,
];
const BODYLESS = new Set(['GET', 'HEAD', 'TRACE']);

/** Problems that hooks send before the handler is called. */
export interface RouteProblems {
  /** Of the authentication hook; on every route that is not public. */
  readonly authenticationProblems: readonly ProblemFactory[];
  /** The security scheme of a strategy by name; undefined for `bearer`. */
  readonly securitySchemeOf?: (strategy: string) => object | undefined;
  /** Of other hooks, by the route's `config`. */
  readonly hookProblems?: (config: unknown) => readonly ProblemFactory[];
  /** Who may call a route with this `config`; undefined where any user may. */
  readonly describeAccess?: (config: unknown) => string | undefined;
}

/**
 * The schema of a route for the OpenAPI document: with the security that the authentication hook enforces, and every
 * problem that the route can send.
 */
export function operationSchema(
  schema: FastifySchema | undefined,
  route: RouteOptions,
  {
    authenticationProblems,
    securitySchemeOf,
    hookProblems = () => [],
    describeAccess = () => undefined,
  }: RouteProblems,
): FastifySchema {
  const { access, strategies } = (route.config ?? {}) as { access?: unknown; strategies?: unknown };
  const isPublic = access === 'public';
  const readsBody = [route.method].flat().some((method) => !BODYLESS.has(method));
  const common = [...EVERY_ROUTE, ...(isPublic ? [] : authenticationProblems), ...hookProblems(route.config)];
  const kinds = [...common.map(({ kind }) => kind), ...(readsBody ? problemsOfBody(schema?.body) : [])];
  const description = [describeAccess(route.config), schema?.description].filter((each) => each !== undefined);
  return {
    ...schema,
    ...(description.length > 0 && { description: description.join(' ') }),
    security: isPublic
      ? []
      : [...credentialsOf(strategies, securitySchemeOf), ...(access === 'bearer-or-body' ? [{}] : [])],
    response: documentedResponses((schema?.response ?? {}) as Record<string, unknown>, kinds),
  };
}

/** Each is enough for itself. */
function credentialsOf(strategies: unknown, schemeOf: RouteProblems['securitySchemeOf']): Record<string, string[]>[] {
  if (!Array.isArray(strategies)) return [{ bearer: [] }];
  const names = strategies.map((name) =>
    schemeOf?.(String(name)) === undefined ? 'bearer' : schemeName(String(name)),
  );
  return Array.from(new Set(names), (name) => ({ [name]: [] }));
}

/** The name of a strategy as OpenAPI allows it for a component. */
export function schemeName(strategy: string): string {
  return strategy.replaceAll(/[^a-zA-Z0-9._-]/g, '_');
}

function problemsOfBody(body: unknown): ProblemKind[] {
  const types = listedMediaTypes(body) ?? [JSON_MEDIA_TYPE];
  const isJsonOnly = types.every((type) => type === JSON_MEDIA_TYPE);
  return [
    ...(types.includes(JSON_MEDIA_TYPE) ? [jsonMalformed.kind] : []),
    bodyTooLarge.kind,
    isJsonOnly ? mediaTypeUnsupported.kind : { ...mediaTypeUnsupported.kind, detail: sendAs(types) },
  ];
}

function documentedResponses(declared: Readonly<Record<string, unknown>>, common: readonly ProblemKind[]) {
  const entries = Object.entries(declared);
  const own = entries.flatMap(([, entry]) => (isProblemResponse(entry) ? entry.problems : []));
  const byStatus = Object.groupBy(new Set([...own, ...common]), ({ status }) => status);
  return {
    ...Object.fromEntries(entries.filter(([, entry]) => !isProblemResponse(entry)).map(withDescription)),
    ...Object.fromEntries(
      Object.entries(byStatus).map(([status, kinds = []]) => [status, openApiResponse(Number(status), kinds)]),
    ),
  };
}

/** OpenAPI requires a description of every response: the title of its schema, or the reason phrase of its status. */
function withDescription([status, schema]: [status: string, schema: unknown]): [string, object] {
  const { title } = schema as { title?: string };
  return [status, { description: title ?? STATUS_CODES[status], ...(schema as object) }];
}
