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
  /** For the log, never for the client. */
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

/** Defines a kind of problem. The title defaults to the status's reason phrase. */
export function defineProblem(
  kind: Omit<ProblemKind, 'title'> & { title?: string; headers?: Readonly<Record<string, string>> },
): ProblemFactory {
  const { headers, ...fixed } = kind;
  const complete: ProblemKind = Object.freeze({ title: STATUS_CODES[kind.status] ?? 'Error', ...fixed });
  const create = (occurrence: Occurrence = {}): Problem =>
    new Problem(complete, headers ? { ...occurrence, headers: { ...headers, ...occurrence.headers } } : occurrence);
  return Object.assign(create, { kind: complete });
}
