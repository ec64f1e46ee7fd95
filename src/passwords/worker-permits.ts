import type { HashDemandReport, HashPermitGrant } from './hash-permit-messages.js';

const RUNNING_ONLY = Number.MAX_VALUE;

/** The permits of one worker, with totals since its start. */
export class WorkerPermits {
  granted = 0;
  recalled = 0;
  /** When the oldest recall that is not answered was made. */
  recalledAt = 0;
  report: HashDemandReport = { running: 0, waiting: 0, reserved: 0, longestWaitMs: 0, received: 0, returned: 0 };
  /** When the first of its waiting hashes arrived. */
  firstArrivedAt = 0;
  sent: HashPermitGrant = { granted: 0, recalled: 0, demandElsewhere: 0 };
  sentAt = 0;

  constructor(readonly send: (grant: HashPermitGrant) => void) {}

  /** Permits that the worker holds, or will when it reads the latest grant. */
  get held(): number {
    return this.granted - this.report.returned;
  }

  /** Permits that the worker was asked for and has not given back. */
  get recalledNotReturned(): number {
    return this.recalled - this.report.returned;
  }

  /** Waiting hashes for which no permit is on its way. */
  get waitingWithoutPermit(): number {
    return Math.max(0, this.report.waiting - (this.granted - this.report.received));
  }

  get demand(): number {
    return this.report.running + this.report.waiting + this.report.reserved;
  }

  /** Whose next permit is the best to recall: an idle one, then one whose next hash is the latest to arrive. */
  get recallOrder(): number {
    const idle = this.held - this.report.running - this.report.waiting - this.recalledNotReturned;
    if (idle > 0) return Infinity;
    return this.report.waiting === 0 ? RUNNING_ONLY : this.firstArrivedAt;
  }

  /** While a grant is on its way, it is unknown which of the worker's hashes will be next. */
  get mayBeRecalled(): boolean {
    return this.recalledNotReturned < this.held && this.granted === this.report.received;
  }
}
