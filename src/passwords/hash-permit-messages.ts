import type { HashDemand } from './hash-permits.js';

/**
 * From a worker to the primary. Each message states the whole state, with totals since the worker's start, so that a
 * message that crosses another counts no permit twice.
 */
export interface HashDemandReport extends HashDemand {
  /** The `granted` of the last {@link HashPermitGrant} that the worker has read. */
  readonly received: number;
  /** Permits that the worker has given back. It holds `received - returned`. */
  readonly returned: number;
}

/** From the primary to a worker, with totals since the worker's start. */
export interface HashPermitGrant {
  readonly granted: number;
  /** Permits to give back: each as soon as no hash runs with it. */
  readonly recalled: number;
  /** Hashes that run, wait and are reserved in the other workers. */
  readonly demandElsewhere: number;
}

/** How often the primary repeats a {@link HashPermitGrant.demandElsewhere} that is not 0. */
export const DEMAND_REPEAT_MS = 500;
