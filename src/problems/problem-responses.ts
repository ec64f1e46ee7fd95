import type { ProblemFactory, ProblemKind } from './problem.js';

/** The media type in OpenAPI, without parameters. */
const MEDIA_TYPE = 'application/problem+json';

/**
 * One status of a route's `response`. `content` is empty so that Fastify compiles no serialiser, which would never run.
 */
export interface ProblemResponse {
  readonly problems: readonly ProblemKind[];
  readonly content: Readonly<Record<string, never>>;
}

/**
 * The problems of a route beside those of every route, as entries of its `response` by status:
 * `response: { 201: UserView, ...problemResponses(emailTaken, passwordTooShort) }`.
 */
export function problemResponses(...factories: readonly ProblemFactory[]): Record<number, ProblemResponse> {
  const byStatus = Object.groupBy(
    factories.map(({ kind }) => kind),
    ({ status }) => status,
  );
  return Object.fromEntries(
    Object.entries(byStatus).map(([status, problems]) => [status, { problems: problems ?? [], content: {} }]),
  );
}

/** Whether an entry of a `response` was made by {@link problemResponses}. */
export function isProblemResponse(entry: unknown): entry is ProblemResponse {
  return typeof entry === 'object' && entry !== null && 'problems' in entry;
}

/** The OpenAPI response of one status: its codes, each with its meaning, and the headers that clients use. */
export function openApiResponse(status: number, problems: readonly ProblemKind[]) {
  const codes = problems.map(({ code }) => code);
  const headers = HEADERS[status];
  return {
    description: problems.map(({ code, detail }) => `* \`${code}\`: ${detail}`).join('\n'),
    ...(headers && { headers }),
    content: {
      [MEDIA_TYPE]: {
        schema: {
          allOf: [{ $ref: 'Problem#' }, { type: 'object', properties: { code: { type: 'string', enum: codes } } }],
        },
      },
    },
  };
}

const RETRY_AFTER = { 'Retry-After': { type: 'integer', description: 'Seconds to wait before trying again.' } };

const HEADERS: Readonly<Record<number, object>> = {
  401: {
    'WWW-Authenticate': { type: 'string', description: 'RFC 6750 section 3: how to authenticate, and what failed.' },
  },
  429: {
    ...RETRY_AFTER,
    RateLimit: {
      type: 'string',
      description: 'The limit that is used up, and the seconds until the next attempt (draft-11).',
    },
    'RateLimit-Policy': { type: 'string', description: 'Its quota and its window in seconds (draft-11).' },
  },
  503: RETRY_AFTER,
};
