import { internalError } from '../problems/http-status.problems.js';
import type { Problem } from '../problems/problem.js';

/**
 * What the rate limit knows of a request. If its header section could not be parsed, `ip` is
 * the address of the connection.
 */
export interface CountedRequest {
  /** The client's address. */
  readonly ip: string;
  /** Absent if no route was looked up. */
  readonly routeOptions?: { readonly config?: unknown };
}

/**
 * Counts a request against the rate limit, before anything else is checked; resolves to a problem if it is over the
 * limit. Returns undefined if requests are not counted.
 */
export type CountRequest = (request: CountedRequest) => Promise<Problem | undefined> | undefined;

/** For a server that counts no requests. */
export const withoutLimit: CountRequest = () => undefined;

/** Goes on once a request is counted. A count that fails refuses the request with 500. */
export function whenCounted(counted: Promise<Problem | undefined>, proceed: (overLimit?: Problem) => void): void {
  counted.then(proceed, (error: unknown) => proceed(internalError({ cause: error })));
}
