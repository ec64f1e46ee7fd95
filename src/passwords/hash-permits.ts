/** What one process needs of the node's capacity for hashes. */
export interface HashDemand {
  readonly running: number;
  readonly waiting: number;
  /** Hashes that follow a lookup in progress. */
  readonly reserved: number;
  /** How long the first of the waiting hashes has waited. */
  readonly longestWaitMs: number;
}

/** The share of one process in the node's capacity for hashes. */
export interface HashPermits {
  /** Hashes that this process may run at once now. */
  readonly held: number;
  /** Hashes that run, wait and are reserved in the node's other processes, as far as is known here. */
  readonly demandElsewhere: number;
  /** The longest that a permit of another process takes to arrive here. */
  readonly handoverMs: number;
  /** Reports each change of the demand. A permit that was asked for is given back here, so that {@link held} may fall. */
  reportDemand(demand: HashDemand): void;
  /** Calls `listener` when {@link held} has risen. */
  onGranted(listener: () => void): void;
}

/** The permits of the only process of a node: all of them. */
export function allHashPermits(limit: number): HashPermits {
  return { held: limit, demandElsewhere: 0, handoverMs: 0, reportDemand: () => undefined, onGranted: () => undefined };
}
