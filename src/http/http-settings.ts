import type { Problem } from '../problems/problem.js';

/** Settings of the HTTP layer. */
export interface HttpSettings {
  /** Whether the public address is https: adds Strict-Transport-Security. */
  readonly https: boolean;
  /** Addresses and networks of proxies whose `X-Forwarded-For` is trusted. */
  readonly trustedProxies?: readonly string[] | undefined;
  /** Origins allowed by CORS. */
  readonly corsOrigins?: readonly string[] | undefined;
  readonly countRequest?: CountRequest;
}

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
