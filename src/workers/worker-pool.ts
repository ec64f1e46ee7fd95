import cluster, { type Worker } from 'node:cluster';
import { onceAborted, whenAborted } from '../config/abort-signals.js';
import type { Config } from '../config/config.js';
import type { TerminationSignals } from '../config/termination-signals.js';
import type { PrimaryMessage, WorkerMessage } from './worker-messages.js';
import { WorkerLink } from './worker-link.js';
import { MAX_FAILED_STARTS, WorkerRestarts } from './worker-restarts.js';

export interface WorkerPoolOptions {
  /** The program of a worker. */
  readonly exec: string;
  readonly count: number;
  readonly config: Config;
  readonly termination: TerminationSignals;
  /** Workers that still run when it aborts are killed. */
  readonly overdue: AbortSignal;
  readonly log: (members: object) => void;
  /** Called for each worker, before it can send or be sent a message. */
  readonly onFork: (worker: WorkerLink) => void;
}

/** The processes that serve, forked by this one. Workers accept from one shared listener. */
export class WorkerPool {
  readonly #restarts = new WorkerRestarts();
  readonly #running = new Set<Worker>();
  readonly #failed = new AbortController();
  readonly #allEnded = new AbortController();
  #hasServed = false;

  constructor(private readonly options: WorkerPoolOptions) {}

  /**
   * Runs the workers until a signal has ended them all.
   * @throws {Error} when the first start of a worker fails, or five starts within a minute.
   */
  async run(): Promise<void> {
    const { exec, count, termination, overdue } = this.options;
    cluster.schedulingPolicy = cluster.SCHED_NONE;
    cluster.setupPrimary({ exec, args: [] });
    for (let started = 0; started < count; started++) this.#fork();
    onceAborted(termination.requested, () => this.#terminate());
    onceAborted(termination.forced, () => this.#tellAll({ kind: 'force' }));
    onceAborted(overdue, () => this.kill());
    await Promise.race([whenAborted(this.#failed.signal), whenAborted(this.#allEnded.signal)]);
    if (!this.#failed.signal.aborted) return;
    this.kill();
    if (!termination.requested.aborted) throw this.#failed.signal.reason as Error;
  }

  /** Ends the workers at once. */
  kill(): void {
    for (const { process } of this.#running) process.kill('SIGKILL');
  }

  get #isEnding(): boolean {
    return this.options.termination.requested.aborted || this.#failed.signal.aborted;
  }

  #fork(): void {
    const worker = cluster.fork();
    this.#running.add(worker);
    this.options.onFork(new WorkerLink(worker));
    let isServing = false;
    let failure: string | undefined;
    worker.on('message', (message: WorkerMessage) => {
      if (message.kind === 'ready') this.#configure(worker);
      else if (message.kind === 'failed') failure = message.message;
      else if (message.kind === 'serving') this.#hasServed = isServing = true;
    });
    // A message to a worker that has just died.
    worker.on('error', () => {});
    worker.on('exit', (code: number, signal: string | null) => {
      this.#running.delete(worker);
      const cause = failure ?? `A worker ended with ${signal ?? `exit code ${code}`}`;
      if (!this.#isEnding) this.#replace(isServing, failure !== undefined, cause, worker.process.pid);
      else if (this.#running.size === 0) this.#allEnded.abort();
    });
  }

  #configure(worker: Worker): void {
    tell(worker, { kind: 'configure', config: this.options.config });
    const { reason } = this.options.termination;
    if (reason !== undefined) tell(worker, { kind: 'terminate', signal: reason.signal });
  }

  #replace(served: boolean, isExplained: boolean, cause: string, pid: number | undefined): void {
    if (isExplained && !this.#hasServed) {
      this.#failed.abort(new Error(cause));
      return;
    }
    const pause = served ? this.#restarts.pauseMs : this.#restarts.pauseAfterFailure(performance.now());
    if (pause === undefined) {
      this.#failed.abort(
        new Error(`${MAX_FAILED_STARTS} starts of workers failed within a minute. The last: ${cause}`),
      );
      return;
    }
    this.options.log({ event: 'worker_replaced', worker: pid, msg: cause });
    setTimeout(() => {
      if (!this.#isEnding) this.#fork();
    }, pause);
  }

  #terminate(): void {
    const { reason } = this.options.termination;
    if (reason !== undefined) this.#tellAll({ kind: 'terminate', signal: reason.signal });
    if (this.#running.size === 0) this.#allEnded.abort();
  }

  #tellAll(message: PrimaryMessage): void {
    for (const worker of this.#running) tell(worker, message);
  }
}

function tell(worker: Worker, message: PrimaryMessage): void {
  if (worker.isConnected()) worker.send(message);
}
