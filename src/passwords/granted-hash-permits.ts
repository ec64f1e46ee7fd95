import { DEMAND_REPEAT_MS, type HashDemandReport, type HashPermitGrant } from './hash-permit-messages.js';
import type { HashDemand, HashPermits } from './hash-permits.js';

/** Reports that ask for nothing and give nothing back are sent at most this often. */
const REPORT_INTERVAL_MS = 10;
/** A demand that the primary has not repeated for this time is unknown: the primary may be stopped. */
const DEMAND_KNOWN_MS = 4 * DEMAND_REPEAT_MS;
const NO_DEMAND: HashDemand = { running: 0, waiting: 0, reserved: 0, longestWaitMs: 0 };

/**
 * The permits that the primary has granted to this worker. The worker keeps them, also while it is idle, until the
 * primary asks for them: a hash normally waits for no message, and hashing continues while the primary is stopped.
 */
export class GrantedHashPermits implements HashPermits {
  readonly handoverMs = 100;
  #granted = 0;
  #recalled = 0;
  #returned = 0;
  #demandElsewhere = 0;
  #heardAt = 0;
  #demand = NO_DEMAND;
  #reported = { returned: 0, waiting: 0 };
  #timer: NodeJS.Timeout | undefined;
  #listener: () => void = () => undefined;

  constructor(
    private readonly limit: number,
    private readonly send: (report: HashDemandReport) => void,
  ) {}

  get held(): number {
    return this.#granted - this.#returned;
  }

  get demandElsewhere(): number {
    return performance.now() - this.#heardAt < DEMAND_KNOWN_MS ? this.#demandElsewhere : 0;
  }

  onGranted(listener: () => void): void {
    this.#listener = listener;
  }

  reportDemand(demand: HashDemand): void {
    this.#demand = demand;
    while (this.#returned < this.#recalled && demand.running < this.held) this.#returned++;
    // More than the node has left cannot be granted, so it need not be known at once.
    const asks = demand.waiting > this.#reported.waiting && this.#reported.waiting < this.limit - this.held;
    if (asks || this.#returned > this.#reported.returned) this.#sendReport();
    else this.#timer ??= setTimeout(() => this.#sendReport(), REPORT_INTERVAL_MS).unref();
  }

  /** Takes what the primary has sent. */
  receiveGrant({ granted, recalled, demandElsewhere }: HashPermitGrant): void {
    this.#demandElsewhere = demandElsewhere;
    this.#heardAt = performance.now();
    const more = granted - this.#granted;
    this.#granted = granted;
    this.#recalled = recalled;
    this.#reported.waiting = Math.max(0, this.#reported.waiting - more);
    if (this.#returned < recalled) this.reportDemand(this.#demand);
    if (more > 0) this.#listener();
  }

  #sendReport(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#reported = { returned: this.#returned, waiting: this.#demand.waiting };
    this.send({ ...this.#demand, received: this.#granted, returned: this.#returned });
  }
}
