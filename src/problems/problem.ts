import { STATUS_CODES } from 'node:http';

/** The constant part of a problem, on which clients may rely. */
export interface ProblemKind {
  /** Stable and in snake_case; `type` is `urn:gatehouse:problem:<code>`. */
  readonly code: string;
  readonly status: number;
  readonly title: string;
  /** For the client, unless the occurrence has its own. Fixed from 500 up. */
  readonly detail: string;
}

/**
 * One error of the input: `pointer` (RFC 6901 JSON Pointer into the body, `?name` for the query,
 * `{name}` for the path) and `detail`.
 */
export interface FieldError {
  readonly pointer: string;
  readonly detail: string;
}

export interface Occurrence {
  readonly detail?: string;
  readonly errors?: readonly FieldError[];
  /** Headers of the response, such as `Retry-After`. */
  readonly headers?: Readonly<Record<string, string>>;
  /** For the log, from 500 up; never for the client. */
  readonly cause?: unknown;
  /** For the operator: logged once, with the request's id. */
  readonly securityEvent?: SecurityEvent;
  /** The thrower logs a summary, so that single occurrences are not logged at `error`. */
  readonly isAlreadyLogged?: boolean;
}

/** Must hold no secret. */
export interface SecurityEvent {
  /** Stable snake_case name. */
  readonly event: string;
  readonly [member: string]: string | number;
}

/** The only error thrown on purpose; sent as problem+json (RFC 9457). */
export class Problem extends Error {
  override readonly name = 'Problem';
  readonly detail: string;
  readonly errors: readonly FieldError[] | undefined;
  readonly headers: Readonly<Record<string, string>>;
  readonly securityEvent: SecurityEvent | undefined;
  readonly isAlreadyLogged: boolean;

  constructor(
    readonly kind: ProblemKind,
    occurrence: Occurrence = {},
  ) {
    const { stackTraceLimit } = Error;
    // Below 500 nobody reads the stack, and capturing it costs as much as the authentication hook.
    if (kind.status < 500 || occurrence.isAlreadyLogged) Error.stackTraceLimit = 0;
    super(`${kind.code}: ${occurrence.detail ?? kind.detail}`, { cause: occurrence.cause });
    Error.stackTraceLimit = stackTraceLimit;
    this.detail = occurrence.detail ?? kind.detail;
    this.errors = occurrence.errors;
    this.headers = occurrence.headers ?? {};
    this.securityEvent = occurrence.securityEvent;
    this.isAlreadyLogged = occurrence.isAlreadyLogged ?? false;
  }
}

/** Makes an occurrence of one kind of problem; carries the kind, so that a route's schema can list it. */
export interface ProblemFactory {
  (occurrence?: Occurrence): Problem;
  readonly kind: ProblemKind;
}

/** What {@link defineProblem} is told. The title defaults to the status's reason phrase; every occurrence has the headers. */
export interface ProblemDefinition extends Omit<ProblemKind, 'title'> {
  readonly title?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** What a code looks like. */
export const PROBLEM_CODE = /^[a-z][a-z\d_]{0,63}$/;
const ourCodes = new Set<string>();
const applicationCodes = new Set<string>();

/** Defines a kind of problem of Gatehouse. */
export function defineOwnProblem(definition: ProblemDefinition): ProblemFactory {
  requireUnused(definition.code, applicationCodes);
  ourCodes.add(definition.code);
  return problemFactory(definition);
}

/**
 * Defines a kind of problem of an application.
 * @throws {TypeError} for a code that is not in snake_case or one of Gatehouse, and for a status that is no error
 */
export function defineProblem(definition: ProblemDefinition): ProblemFactory {
  const { code, status } = definition;
  if (!PROBLEM_CODE.test(code)) throw new TypeError(`${code} is no problem code: snake_case, at most 64 characters`);
  if (!Number.isInteger(status) || status < 400 || status > 599)
    throw new TypeError(`the problem ${code} has the status ${status}: it must be from 400 to 599`);
  requireUnused(code, ourCodes);
  applicationCodes.add(code);
  return problemFactory(definition);
}

/** Clients know a code of Gatehouse by its meaning. */
function requireUnused(code: string, codes: ReadonlySet<string>): void {
  if (codes.has(code)) throw new TypeError(`the problem code ${code} is one of Gatehouse: give yours another`);
}

function problemFactory(kind: ProblemDefinition): ProblemFactory {
  const { headers, ...fixed } = kind;
  const complete: ProblemKind = Object.freeze({ title: STATUS_CODES[kind.status] ?? 'Error', ...fixed });
  const create = (occurrence: Occurrence = {}): Problem =>
    new Problem(complete, headers ? { ...occurrence, headers: { ...headers, ...occurrence.headers } } : occurrence);
  return Object.assign(create, { kind: complete });
}
