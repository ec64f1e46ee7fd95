import { DEMAND_REPEAT_MS, type HashDemandReport, type HashPermitGrant } from './hash-permit-messages.js';
import { WorkerPermits } from './worker-permits.js';

/** How often a worker is told the changed demand of the others. */
const DEMAND_INTERVAL_MS = 20;
/** Hashes that arrived within this time of each other count as simultaneous: no permit moves to order them. */
const SIMULTANEOUS_MS = 20;
/** A permit that was asked for this long ago may never come back: its process is stopped, or its hash is long. */
const RECALL_OVERDUE_MS = 500;
const OVERDUE_CHECK_MS = 100;

/**
 * The node's capacity for hashes, kept by the primary. Permits go to the worker whose first waiting hash arrived first,
 * so that the node has one queue. Never more than `limit` are held; those of a worker that is gone are free.
 */
export class HashPermitAllocator {
  readonly #workers = new Set<WorkerPermits>();
  #overdueTimer: NodeJS.Timeout | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly limit: number,
    private readonly now: () => number = () => performance.now(),
  ) {}

  /** Adds a worker process, which is sent its permits by `send`. */
  addWorker(send: (grant: HashPermitGrant) => void): {
    receiveReport: (report: HashDemandReport) => void;
    /** Call it once the process has ended, and not before: its hashes run until then. */
    remove: () => void;
  } {
    const worker = new WorkerPermits(send);
    this.#workers.add(worker);
    return {
      receiveReport: (report) => {
        // A message may arrive after the end of its process.
        if (!this.#workers.has(worker)) return;
        if (report.returned > worker.report.returned) worker.recalledAt = this.now();
        worker.report = report;
        worker.firstArrivedAt = this.now() - report.longestWaitMs;
        this.#distribute();
      },
      remove: () => {
        this.#workers.delete(worker);
        this.#distribute();
      },
    };
  }

  get #free(): number {
    return this.limit - this.#sum((worker) => worker.held);
  }

  #distribute(): void {
    for (let free = this.#free; free > 0; free--) {
      const next = this.#firstInLine();
      if (next === undefined) break;
      next.granted++;
      next.firstArrivedAt = this.now();
    }
    this.#recallPermits();
    this.#sendGrants();
  }

  /** Recalls as many permits as waiting hashes lack; those that are overdue count as lacking. */
  #recallPermits(): void {
    const missing = this.#sum(({ waitingWithoutPermit }) => waitingWithoutPermit) - this.#free - this.#expected;
    const next = missing > 0 ? this.#firstInLine() : undefined;
    if (next !== undefined) this.#recallFor(next, missing);
    if (this.#expected > 0 && this.#firstInLine() !== undefined) this.#checkOverdueLater();
  }

  /** Permits that were asked for and are expected back. */
  get #expected(): number {
    return this.#sum((worker) => (this.#isOverdue(worker) ? 0 : worker.recalledNotReturned));
  }

  #recallFor(next: WorkerPermits, missing: number): void {
    for (let recalls = 0; recalls < missing; recalls++) {
      const holder = this.#bestToRecall(next);
      if (holder === undefined || holder.recallOrder < next.firstArrivedAt + SIMULTANEOUS_MS) return;
      const isBusy = holder.report.waiting > 0;
      // One at a time: the next hash of `next` has arrived later than its first, perhaps later than those of the holder.
      if (isBusy && this.#expected > 0) return;
      if (holder.recalledNotReturned === 0) holder.recalledAt = this.now();
      holder.recalled++;
      if (isBusy) return;
    }
  }

  #bestToRecall(next: WorkerPermits): WorkerPermits | undefined {
    let best: WorkerPermits | undefined;
    for (const worker of this.#workers) {
      const mayBeRecalled = worker !== next && worker.mayBeRecalled && !this.#isOverdue(worker);
      if (mayBeRecalled && (best === undefined || worker.recallOrder > best.recallOrder)) best = worker;
    }
    return best;
  }

  #isOverdue(worker: WorkerPermits): boolean {
    return worker.recalledNotReturned > 0 && this.now() - worker.recalledAt >= RECALL_OVERDUE_MS;
  }

  /** All other workers may be silent meanwhile. */
  #checkOverdueLater(): void {
    if (this.#overdueTimer !== undefined) return;
    this.#overdueTimer = setTimeout(() => {
      this.#overdueTimer = undefined;
      this.#distribute();
    }, OVERDUE_CHECK_MS).unref();
  }

  /** The worker whose first waiting hash arrived first. */
  #firstInLine(): WorkerPermits | undefined {
    let first: WorkerPermits | undefined;
    for (const worker of this.#workers)
      if (worker.waitingWithoutPermit > 0 && (first === undefined || worker.firstArrivedAt < first.firstArrivedAt))
        first = worker;
    return first;
  }

  /** Sends each worker its grants and recalls at once, and the demand of the others a little later. */
  #sendGrants(): void {
    const demand = this.#sum((worker) => worker.demand);
    for (const worker of this.#workers) {
      const { sent, granted, recalled } = worker;
      const demandElsewhere = demand - worker.demand;
      if (granted !== sent.granted || recalled !== sent.recalled) this.#send(worker, demandElsewhere);
      else if (demandElsewhere !== sent.demandElsewhere || demandElsewhere > 0) this.#sendDemandLater();
    }
  }

  #sendDemandLater(): void {
    if (this.#timer !== undefined) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      const demand = this.#sum((worker) => worker.demand);
      for (const worker of this.#workers) {
        const demandElsewhere = demand - worker.demand;
        const isOld = demandElsewhere > 0 && this.now() - worker.sentAt >= DEMAND_REPEAT_MS;
        if (demandElsewhere !== worker.sent.demandElsewhere || isOld) this.#send(worker, demandElsewhere);
        if (demandElsewhere > 0) this.#sendDemandLater();
      }
    }, DEMAND_INTERVAL_MS).unref();
  }

  #send(worker: WorkerPermits, demandElsewhere: number): void {
    const { granted, recalled } = worker;
    worker.sent = { granted, recalled, demandElsewhere };
    worker.sentAt = this.now();
    worker.send(worker.sent);
  }

  #sum(count: (worker: WorkerPermits) => number): number {
    let sum = 0;
    for (const worker of this.#workers) sum += count(worker);
    return sum;
  }
}
