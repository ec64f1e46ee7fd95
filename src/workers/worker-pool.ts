import cluster, { type ClusterSettings } from 'node:cluster';
import inspector from 'node:inspector';
import { onceAborted, whenAborted } from '../config/abort-signals.js';
import type { Config } from '../config/config.js';
import type { TerminationSignals } from '../config/termination-signals.js';
import { notStarted, type WorkerLink } from './worker-link.js';
import { WorkerProcess, type WorkerEnd } from './worker-process.js';
import { MAX_FAILED_STARTS, WorkerRestarts } from './worker-restarts.js';

/** A worker that leaves {@link MAX_UNANSWERED_CHECKS} checks unanswered, which are a minute, is killed and replaced. */
export const CHECK_INTERVAL_MS = 5000;
export const MAX_UNANSWERED_CHECKS = 12;

export interface WorkerPoolOptions {
  /** The program of a worker. */
  readonly program: Pick<ClusterSettings, 'exec' | 'args' | 'execArgv'>;
  readonly count: number;
  readonly config: Config;
  readonly termination: Pick<TerminationSignals, 'requested' | 'forced' | 'reason'>;
  /** Workers that still run when it aborts are killed. */
  readonly overdue: AbortSignal;
  readonly log: (members: object) => void;
  /** Called for each worker, before it can send or be sent a message. */
  readonly onFork: (worker: WorkerLink) => void;
  readonly checkIntervalMs?: number;
  readonly restarts?: WorkerRestarts;
}

/** The processes that serve, forked by this one. Workers accept from one shared listener. */
export class WorkerPool {
  readonly #restarts: WorkerRestarts;
  readonly #running = new Set<WorkerProcess>();
  readonly #ended = new AbortController();
  #failure: Error | undefined;
  #hasServed = false;

  constructor(private readonly options: WorkerPoolOptions) {
    this.#restarts = options.restarts ?? new WorkerRestarts();
  }

  /**
   * Runs the workers until a signal has ended them all.
   * @throws {Error} when the first start of a worker fails, or five starts within a minute; first the others end.
   */
  async run(): Promise<void> {
    const { program, count, termination, overdue, checkIntervalMs = CHECK_INTERVAL_MS } = this.options;
    cluster.schedulingPolicy = cluster.SCHED_NONE;
    cluster.setupPrimary(program);
    for (let started = 0; started < count; started++) this.#start();
    const checks = setInterval(() => this.#checkAnswers(checkIntervalMs), checkIntervalMs);
    onceAborted(termination.requested, () => this.#terminate());
    onceAborted(termination.forced, () => this.#force());
    onceAborted(overdue, () => this.kill());
    await whenAborted(this.#ended.signal);
    clearInterval(checks);
    this.kill();
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** Ends the workers at once. */
  kill(): void {
    for (const { link } of this.#running) link.kill();
  }

  get #isEnding(): boolean {
    return this.options.termination.requested.aborted || this.#failure !== undefined;
  }

  #start(): void {
    let worker: WorkerProcess;
    try {
      worker = new WorkerProcess(cluster.fork(), this.options.config);
    } catch (error) {
      // Some reasons, such as ENOMEM, are thrown; others are an event.
      this.#handleEnd({ cause: notStarted(error as Error), isExplained: false });
      return;
    }
    this.#running.add(worker);
    this.options.onFork(worker.link);
    worker.link.onWorkerMessage(({ kind }) => {
      if (kind === 'serving') this.#hasServed = true;
      const { reason } = this.options.termination;
      if (kind === 'ready' && reason !== undefined) worker.terminate(reason.signal);
    });
    worker.onEnd((end) => {
      this.#running.delete(worker);
      this.#handleEnd(end);
    });
  }

  #handleEnd(end: WorkerEnd): void {
    if (this.#isEnding) this.#noteIfAllEnded();
    else if (end.isExplained && !this.#hasServed) this.#giveUp(end.cause);
    else this.#replace(end);
  }

  #replace({ pid, cause, servedMs }: WorkerEnd): void {
    const pause = this.#restarts.pauseAfterEnd(performance.now(), servedMs);
    if (pause === undefined) {
      this.#giveUp(`${MAX_FAILED_STARTS} starts of workers failed within a minute. The last: ${cause}`);
      return;
    }
    this.options.log({ event: 'worker_replaced', worker: pid, msg: cause });
    setTimeout(() => {
      if (!this.#isEnding) this.#start();
    }, pause);
  }

  /** Workers that serve answer what they have accepted first. */
  #giveUp(cause: string): void {
    this.#failure = new Error(cause);
    if (this.#hasServed) this.options.log({ event: 'workers_failed', msg: cause });
    for (const worker of this.#running) {
      if (worker.isServing) worker.terminate('SIGTERM');
      else worker.link.kill();
    }
    setTimeout(() => this.#ended.abort(), this.options.config.shutdownTimeoutSeconds * 1000);
    this.#noteIfAllEnded();
  }

  #terminate(): void {
    const { reason } = this.options.termination;
    if (reason !== undefined) for (const worker of this.#running) worker.terminate(reason.signal);
    this.#noteIfAllEnded();
  }

  #force(): void {
    for (const { link } of this.#running) link.tell({ kind: 'force' });
  }

  #noteIfAllEnded(): void {
    if (this.#running.size === 0) this.#ended.abort();
  }

  #checkAnswers(intervalMs: number): void {
    // A worker at a breakpoint does not answer. `--inspect` holds for the primary and its workers.
    if (inspector.url() !== undefined) return;
    const silence = `${(intervalMs * MAX_UNANSWERED_CHECKS) / 1000} s`;
    for (const worker of this.#running) worker.checkAnswers(MAX_UNANSWERED_CHECKS, silence);
  }
}
