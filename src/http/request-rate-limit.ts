import type { Problem } from '../problems/problem.js';

/** What a limit on requests knows of one; of one whose header section could not be parsed, the address of its connection. */
export interface CountedRequest {
  /** The client's address. */
  readonly ip: string;
  /** Absent where no route was looked for. */
  readonly routeOptions?: { readonly config?: unknown };
}

/** Counts a request before anything else looks at it, and says why it is refused; undefined where nothing is counted. */
export type CountRequest = (request: CountedRequest) => Promise<Problem | undefined> | undefined;
