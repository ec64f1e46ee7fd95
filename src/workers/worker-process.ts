import type { Worker } from 'node:cluster';
import type { Config } from '../config/config.js';
import type { TerminationSignal } from '../config/termination-signals.js';
import { WorkerLink } from './worker-link.js';
import type { WorkerMessage } from './worker-messages.js';

/** How a worker ended. */
export interface WorkerEnd {
  readonly pid?: number | undefined;
  /** For the operator. */
  readonly cause: string;
  /** The worker said itself why its start failed. */
  readonly isExplained: boolean;
  /** Undefined if it never served. */
  readonly servedMs?: number | undefined;
}

/** A worker from its fork to its end, seen from the primary. */
export class WorkerProcess {
  readonly link: WorkerLink;
  #servingSince: number | undefined;
  #failure: string | undefined;
  #killedBecause: string | undefined;
  #unansweredChecks = 0;

  constructor(
    worker: Worker,
    private readonly config: Config,
  ) {
    this.link = new WorkerLink(worker);
    this.link.onWorkerMessage((message) => this.#receive(message));
  }

  get isServing(): boolean {
    return this.#servingSince !== undefined;
  }

  onEnd(listener: (end: WorkerEnd) => void): void {
    this.link.onExit((cause) =>
      listener({
        pid: this.link.pid,
        cause: this.#killedBecause ?? this.#failure ?? cause,
        isExplained: this.#failure !== undefined,
        servedMs: this.#servingSince === undefined ? undefined : performance.now() - this.#servingSince,
      }),
    );
  }

  terminate(signal: TerminationSignal): void {
    this.link.tell({ kind: 'terminate', signal });
  }

  /**
   * Asks whether its event loop runs, and kills the process if the question was not answered for `limit` calls. Calls are
   * counted rather than time, so that a stall of the primary is none of the worker.
   */
  checkAnswers(limit: number, silence: string): void {
    // One question at a time: those to a process that is stopped would queue here.
    if (this.#unansweredChecks === 0) this.link.tell({ kind: 'ping' });
    if (this.#unansweredChecks++ < limit) return;
    this.#killedBecause = `A worker did not answer for ${silence} and was killed`;
    this.link.kill();
  }

  #receive(message: WorkerMessage): void {
    if (message.kind === 'ready') this.link.tell({ kind: 'configure', config: this.config });
    if (message.kind === 'ready' || message.kind === 'pong') this.#unansweredChecks = 0;
    else if (message.kind === 'failed') this.#failure = message.message;
    else if (message.kind === 'serving') this.#servingSince = performance.now();
  }
}
