export interface Target {
  readonly scenario: string;
  /** The name of a measure: two servers' CPU as `one / other`, or what the scenario calls it. */
  readonly measure: string;
  /** The target is reached when the median is at most this. */
  readonly most: number;
  /** The median must also be at least this. */
  readonly least?: number;
  /** The target of the same measure at saturation. */
  readonly saturated?: number;
}

const GROWING = [
  'login look-up',
  'charge of a login',
  'charge of a refresh',
  'record of a success',
  'start of a session',
  'ending the oldest sessions',
  'refresh',
  'session page',
  'revocation poll',
  'purge of sessions, a row',
  'purge of audit_events, a row',
  'purge of rate_limits, a row',
  'purge of account_guards, a row',
  'purge of revocations, a row',
];

/** The targets of the scenarios. */
export const TARGETS: readonly Target[] = [
  { scenario: 'guard', measure: 'guarded / unguarded', most: 1.05 },
  { scenario: 'many-tokens', measure: 'guarded, 100,000 tokens / guarded, one token', most: 1.15, saturated: 1.15 },
  { scenario: 'many-tokens', measure: 'heap bytes per live token', most: 1024 },
  { scenario: 'fastify', measure: 'guarded, warn / least Nest', most: 1.15, saturated: 1.3 },
  { scenario: 'fastify', measure: 'guarded, defaults / least Nest', most: 1.25, saturated: 1.5 },
  { scenario: 'fastify', measure: "(builder's route - guarded) / least Nest, warn", most: 0.05, least: -0.05 },
  { scenario: 'fastify', measure: "(builder's route - guarded) / least Nest, defaults", most: 0.05, least: -0.05 },
  { scenario: 'peers', measure: 'guarded / @fastify/jwt, cache', most: 0.75, saturated: 0.75 },
  { scenario: 'peers', measure: 'guarded / tutorial', most: 0.2 },
  { scenario: 'peers', measure: 'guarded / better-auth', most: 0.14 },
  { scenario: 'algorithms', measure: 'ES256 / HS256', most: 1.05 },
  { scenario: 'first-sight', measure: 'guarded / jose', most: 1, saturated: 1 },
  // What needs no signature check.
  { scenario: 'refusals', measure: '401 without a token / 200', most: 1, saturated: 1 },
  { scenario: 'refusals', measure: '401 for garbage / 200', most: 1, saturated: 1 },
  { scenario: 'refusals', measure: '401 for an unknown key / 200', most: 1, saturated: 1 },
  { scenario: 'refusals', measure: '401 for a revoked token / 200', most: 1, saturated: 1 },
  { scenario: 'refusals', measure: 'forgery / (signature check + 1.2 × garbage)', most: 1, saturated: 1 },
  { scenario: 'login-storm', measure: 'guarded p99 in the storm / larger of 15 ms and twice idle', most: 1 },
  { scenario: 'login-storm', measure: 'guarded requests lost', most: 0 },
  ...GROWING.map((name) => ({ scenario: 'growth', measure: `${name}, most users / fewest`, most: 1.5 })),
  { scenario: 'growth', measure: 'sequential scans', most: 0 },
  { scenario: 'workers', measure: 'CPU per request, two workers / one process, saturated', most: 1.1 },
  // At least 0.95 of the logins of one process, whose hashes use every core already.
  { scenario: 'workers', measure: 'logins of one process / of two workers', most: 1.053 },
  // At least 0.85 of the logins of two workers that share the connections.
  { scenario: 'workers', measure: 'logins of two workers / with all connections at one', most: 1.176 },
  // At least 0.7 of the refreshes of pg alone, for the same CPU time and in the same time.
  { scenario: 'refresh', measure: 'Gatehouse, HS256 / pg alone, HS256', most: 1.43, saturated: 1.43 },
  { scenario: 'refresh', measure: 'Gatehouse, ES256 / pg alone, ES256', most: 1.43, saturated: 1.43 },
  { scenario: 'refresh', measure: 'refreshes per s, pg alone, HS256 / Gatehouse, HS256', most: 1.43 },
  { scenario: 'refresh', measure: 'refreshes per s, pg alone, ES256 / Gatehouse, ES256', most: 1.43 },
  // Of the soak: the last quarter of the run against the second.
  { scenario: 'soak', measure: 'resident memory, last / second quarter', most: 1.1 },
  { scenario: 'soak', measure: 'heap after a collection, last / second quarter', most: 1.1 },
  { scenario: 'soak', measure: 'descriptors, last / second quarter', most: 1.1 },
  { scenario: 'soak', measure: 'database connections, last / second quarter', most: 1.1 },
  { scenario: 'soak', measure: 'delay of the event loop, p99, last / second quarter', most: 1.5 },
  { scenario: 'soak', measure: 'rows besides users and devices, last / second quarter', most: 1.1 },
  { scenario: 'soak', measure: 'dead rows, last / second quarter', most: 1.5 },
  { scenario: 'soak', measure: 'size of the tables besides users and devices, last / second quarter', most: 1.15 },
  { scenario: 'soak', measure: 'guarded request p50, last / second quarter', most: 1.25 },
  { scenario: 'soak', measure: 'guarded request p99, last / second quarter', most: 1.5 },
  { scenario: 'soak', measure: 'session list p50, last / second quarter', most: 1.25 },
  { scenario: 'soak', measure: 'refresh p50, last / second quarter', most: 1.25 },
  { scenario: 'soak', measure: 'login p50, last / second quarter', most: 1.25 },
  { scenario: 'soak', measure: 'logout p50, last / second quarter', most: 1.25 },
  { scenario: 'soak', measure: 'unexpected answers', most: 0 },
  { scenario: 'soak', measure: 'broken connections', most: 0 },
  { scenario: 'soak', measure: 'requests not sent', most: 0 },
  { scenario: 'soak', measure: 'due requests that the generator missed', most: 0.005 },
  { scenario: 'soak', measure: 'size of users and devices, a row, last / second quarter', most: 1.15 },
  // As many as may be in flight.
  { scenario: 'soak', measure: 'growth of users that the load does not explain', most: 50 },
  // Those who had not logged in at the start may do so.
  { scenario: 'soak', measure: 'growth of devices beyond one a user', most: 200 },
  { scenario: 'soak', measure: 'tables without a purged row in the last quarter', most: 0 },
  // At least 0.85 of the rate of hashing alone.
  { scenario: 'login-storm', measure: 'hashes alone / logins served', most: 1.176 },
  { scenario: 'login-storm', measure: 'refused on arrival, p99', most: 100 },
];

export function targetOf(scenario: string, measure: string): Target | undefined {
  return TARGETS.find((target) => target.scenario === scenario && target.measure === measure);
}
