import fc from 'fast-check';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { HashPermitAllocator } from './hash-permit-allocator.js';
import { DEMAND_REPEAT_MS, type HashDemandReport, type HashPermitGrant } from './hash-permit-messages.js';
import { GrantedHashPermits } from './granted-hash-permits.js';

const IDLE: HashDemandReport = { running: 0, waiting: 0, reserved: 0, longestWaitMs: 0, received: 0, returned: 0 };

/** An allocator with a clock of the test, and workers whose messages the test writes itself. */
function startLedger(limit: number) {
  const clock = { now: 1000 };
  const allocator = new HashPermitAllocator(limit, () => clock.now);
  const addWorker = () => {
    const grants: HashPermitGrant[] = [{ granted: 0, recalled: 0, demandElsewhere: 0 }];
    const worker = allocator.addWorker((grant) => grants.push(grant));
    const report = (changes: Partial<HashDemandReport>): void => worker.receiveReport({ ...IDLE, ...changes });
    return { ...worker, report, latest: () => grants.at(-1), grants };
  };
  return { clock, addWorker };
}

describe('the permits for hashes', () => {
  it('are all for the only busy worker, also those that another was granted and does not use', () => {
    const { addWorker } = startLedger(3);
    const [quiet, busy] = [addWorker(), addWorker()];
    quiet.report({ waiting: 1 });
    quiet.report({ received: 1 });
    busy.report({ waiting: 5 });
    expect(busy.latest()).toMatchObject({ granted: 2, recalled: 0 });
    expect(quiet.latest()).toMatchObject({ granted: 1, recalled: 1 });
    quiet.report({ received: 1, returned: 1 });
    expect(busy.latest()).toMatchObject({ granted: 3, recalled: 0 });
  });

  it('of a worker that has ended go to those that wait', () => {
    const { addWorker } = startLedger(2);
    const [dying, waiting] = [addWorker(), addWorker()];
    dying.report({ waiting: 9 });
    waiting.report({ waiting: 1 });
    expect(waiting.latest()).toMatchObject({ granted: 0 });
    dying.remove();
    expect(waiting.latest()).toMatchObject({ granted: 1 });
  });

  it('go to the worker whose hash arrived first, one at a time', () => {
    const { clock, addWorker } = startLedger(1);
    const [one, other] = [addWorker(), addWorker()];
    one.report({ waiting: 1 });
    one.report({ running: 1, waiting: 3, longestWaitMs: 40, received: 1 });
    other.report({ waiting: 2 });
    expect(one.latest()).toMatchObject({ recalled: 0 });
    clock.now += 60;
    one.report({ running: 1, waiting: 3, longestWaitMs: 20, received: 1 });
    expect(one.latest()).toMatchObject({ granted: 1, recalled: 1 });
    expect(other.latest()).toMatchObject({ granted: 0 });
    one.report({ waiting: 3, longestWaitMs: 20, received: 1, returned: 1 });
    expect(other.latest()).toMatchObject({ granted: 1, recalled: 0 });
    // The second hash of `other` is as old as its first, and older than those of `one`.
    other.report({ running: 1, waiting: 1, longestWaitMs: 60, received: 1 });
    expect(other.latest()).toMatchObject({ recalled: 0 });
    other.report({ running: 1, received: 1 });
    expect(other.latest()).toMatchObject({ recalled: 1 });
  });

  it('do not move to order hashes that arrived at about the same time', () => {
    const { clock, addWorker } = startLedger(2);
    const workers = [addWorker(), addWorker()] as const;
    for (const worker of workers) worker.report({ waiting: 1 });
    for (let turn = 0; turn < 20; turn++) {
      clock.now += 5;
      for (const worker of workers) worker.report({ running: 1, waiting: 9, longestWaitMs: 50 + turn, received: 1 });
    }
    expect(workers.map((worker) => worker.latest()?.recalled)).toEqual([0, 0]);
  });

  it('that a stopped worker does not give back are recalled from another, after half a second', () => {
    vi.useFakeTimers();
    onTestFinished(() => void vi.useRealTimers());
    const allocator = new HashPermitAllocator(3);
    const grants: HashPermitGrant[][] = [[], [], []];
    const [stopped, idle, waiting] = grants.map((to) => allocator.addWorker((grant) => to.push(grant)));
    stopped?.receiveReport({ ...IDLE, waiting: 2 });
    stopped?.receiveReport({ ...IDLE, received: 2 });
    idle?.receiveReport({ ...IDLE, waiting: 1 });
    idle?.receiveReport({ ...IDLE, received: 1 });
    waiting?.receiveReport({ ...IDLE, waiting: 1 });
    const recalls = (): unknown[] => grants.map((to) => to.at(-1)?.recalled ?? 0);
    expect(recalls()).toEqual([1, 0, 0]);
    vi.advanceTimersByTime(450);
    expect(recalls()).toEqual([1, 0, 0]);
    vi.advanceTimersByTime(150);
    expect(recalls()).toEqual([1, 1, 0]);
    idle?.receiveReport({ ...IDLE, received: 1, returned: 1 });
    expect(grants[2]?.at(-1)).toMatchObject({ granted: 1 });
    // Continued, it gives back what it was asked for.
    stopped?.receiveReport({ ...IDLE, received: 2, returned: 1 });
    waiting?.receiveReport({ ...IDLE, received: 1, running: 1, waiting: 1 });
    expect(grants[2]?.at(-1)).toMatchObject({ granted: 2 });
  });

  it('that a stopped worker does not give back do not leave another with the rest: busy ones share them', () => {
    const { clock, addWorker } = startLedger(2);
    const [stopped, busy, waiting] = [addWorker(), addWorker(), addWorker()];
    stopped.report({ waiting: 1 });
    stopped.report({ received: 1 });
    busy.report({ waiting: 1 });
    busy.report({ running: 1, received: 1 });
    waiting.report({ waiting: 1 });
    for (let turn = 0; turn < 10; turn++) {
      clock.now += 60;
      busy.report({ running: 1, waiting: 1, longestWaitMs: 10, received: 1 });
    }
    expect([stopped, busy].map((worker) => worker.latest()?.recalled)).toEqual([1, 1]);
    busy.report({ waiting: 1, received: 1, returned: 1 });
    expect(waiting.latest()).toMatchObject({ granted: 1 });
  });

  it('are counted with what crosses on the way: a report that was sent before a grant arrived asks for no second one', () => {
    const { addWorker } = startLedger(2);
    const worker = addWorker();
    worker.report({ waiting: 1 });
    worker.report({ waiting: 1, reserved: 1 });
    expect(worker.latest()).toMatchObject({ granted: 1 });
    worker.report({ waiting: 1, running: 1, received: 1 });
    expect(worker.latest()).toMatchObject({ granted: 2 });
  });

  it('come with the demand of the other workers, which is repeated until it is 0', () => {
    vi.useFakeTimers();
    onTestFinished(() => void vi.useRealTimers());
    const allocator = new HashPermitAllocator(1);
    const grants: HashPermitGrant[] = [];
    const busy = allocator.addWorker(() => undefined);
    allocator.addWorker((grant) => grants.push(grant));
    busy.receiveReport({ ...IDLE, running: 1, waiting: 7, reserved: 2, received: 1 });
    vi.advanceTimersByTime(50);
    expect(grants).toEqual([{ granted: 0, recalled: 0, demandElsewhere: 10 }]);
    vi.advanceTimersByTime(2 * DEMAND_REPEAT_MS);
    expect(grants.length).toBeGreaterThan(1);
    busy.receiveReport({ ...IDLE, received: 1 });
    vi.advanceTimersByTime(50);
    expect(grants.at(-1)).toEqual({ granted: 0, recalled: 0, demandElsewhere: 0 });
    const { length } = grants;
    vi.advanceTimersByTime(10 * DEMAND_REPEAT_MS);
    expect(grants).toHaveLength(length);
  });
});

/** A worker with its permits and messages in both directions that have not arrived yet. */
class ModelWorker {
  readonly reports: HashDemandReport[] = [];
  readonly grants: HashPermitGrant[] = [];
  readonly permits: GrantedHashPermits;
  readonly #allocator: ReturnType<HashPermitAllocator['addWorker']>;
  running = 0;
  waiting = 0;
  isAlive = true;

  constructor(limit: number, allocator: HashPermitAllocator) {
    this.permits = new GrantedHashPermits(limit, (report) => this.reports.push(report));
    this.permits.onGranted(() => this.#startWaiting());
    this.#allocator = allocator.addWorker((grant) => this.grants.push(grant));
  }

  arrive(): void {
    if (!this.isAlive) return;
    this.waiting++;
    this.#report();
    this.#startWaiting();
  }

  finish(): void {
    if (this.running === 0) return;
    this.running--;
    this.#report();
    this.#startWaiting();
  }

  /** Delivers the oldest message of one direction. */
  deliver(to: 'primary' | 'worker'): void {
    if (!this.isAlive) return;
    if (to === 'worker') this.grants.splice(0, 1).forEach((grant) => this.permits.receiveGrant(grant));
    else this.reports.splice(0, 1).forEach((report) => this.#allocator.receiveReport(report));
  }

  die(): void {
    if (!this.isAlive) return;
    this.isAlive = false;
    this.running = this.waiting = 0;
    this.#allocator.remove();
  }

  #report(): void {
    const { running, waiting } = this;
    this.permits.reportDemand({ running, waiting, reserved: 0, longestWaitMs: waiting });
  }

  #startWaiting(): void {
    while (this.waiting > 0 && this.running < this.permits.held) {
      this.waiting--;
      this.running++;
      this.#report();
    }
  }
}

describe('whatever the order of hashes, messages and deaths', () => {
  const step = fc.record({
    worker: fc.nat(2),
    does: fc.constantFrom('arrive', 'arrive', 'finish', 'to worker', 'to primary', 'all messages', 'time', 'die'),
  });

  it('no more hashes run than the node may, and in the end none is left waiting (FLT-14)', () => {
    vi.useFakeTimers();
    onTestFinished(() => void vi.useRealTimers());
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 4 }), fc.array(step, { maxLength: 120 }), (limit, steps) => {
        const allocator = new HashPermitAllocator(limit);
        const workers = [0, 1, 2].map(() => new ModelWorker(limit, allocator));
        const check = (): void => {
          expect(workers.reduce((sum, { running }) => sum + running, 0)).toBeLessThanOrEqual(limit);
        };
        const deliverAll = (): void => {
          for (let isQuiet = false; !isQuiet;) {
            isQuiet = true;
            for (const worker of workers) {
              if (!worker.isAlive || worker.reports.length + worker.grants.length === 0) continue;
              isQuiet = false;
              worker.deliver('primary');
              worker.deliver('worker');
              check();
            }
          }
        };
        for (const { worker: which, does } of steps) {
          const worker = workers[which];
          if (does === 'arrive') worker?.arrive();
          else if (does === 'finish') worker?.finish();
          else if (does === 'to worker') worker?.deliver('worker');
          else if (does === 'to primary') worker?.deliver('primary');
          else if (does === 'all messages') deliverAll();
          else if (does === 'time') vi.advanceTimersByTime(15);
          else if (which === 0) worker?.die();
          check();
        }
        const left = (): number => workers.reduce((sum, { running, waiting }) => sum + running + waiting, 0);
        for (let turn = 0; turn < 1000 && left() > 0; turn++) {
          vi.advanceTimersByTime(15);
          deliverAll();
          for (const worker of workers) worker.finish();
        }
        expect(left()).toBe(0);
      }),
      { numRuns: 500 },
    );
  });
});
