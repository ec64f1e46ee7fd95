import { Inject, Injectable } from '@nestjs/common';
import type { Server } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import { CONFIG, type Config } from '../config/config.js';

/** Nobody has asked for so long: whoever sends requests here has noticed. */
export const QUIET_PERIOD_MS = 1000;
/** A visitor so recently means that another may come. */
const RECENT_CONNECTION_MS = 10_000;
const CHECK_INTERVAL_MS = 25;
/** What is kept of the time for closing what is left. */
const RESERVED_FOR_CLOSING_MS = 3000;

/**
 * Leaving without losing a request. First others are told: readiness is 503 and each answer ends its connection, while
 * requests are accepted as ever. Once nobody sends any more the server may close.
 */
@Injectable()
export class GracefulShutdown {
  readonly #timeoutMs: number;
  #visitedAt = Number.NEGATIVE_INFINITY;
  #isShuttingDown = false;

  constructor(@Inject(CONFIG) config: Config) {
    this.#timeoutMs = config.shutdownTimeoutSeconds * 1000;
  }

  get isShuttingDown(): boolean {
    return this.#isShuttingDown;
  }

  /** To be told before the server listens. */
  watchConnections(server: Server): void {
    server.on('connection', () => (this.#visitedAt = performance.now()));
  }

  /**
   * Tells the others and waits until they have noticed; the server is to be closed then. What does not end in time, or
   * by the time that `cutOff` aborts, is cut off.
   */
  async drainServer(server: Server, cutOff: AbortSignal): Promise<void> {
    const startedAt = performance.now();
    this.#isShuttingDown = true;
    const close = (): void => server.closeAllConnections();
    cutOff.addEventListener('abort', close, { once: true });
    await this.#waitUntilQuiet(server, startedAt + Math.max(0, this.#timeoutMs - RESERVED_FOR_CLOSING_MS) / 2, cutOff);
    if (cutOff.aborted) close();
    const left = startedAt + this.#timeoutMs - RESERVED_FOR_CLOSING_MS - performance.now();
    setTimeout(close, Math.max(0, left)).unref();
    // Whoever was being answered when it began keeps its connection.
    const sweep = setInterval(() => server.closeIdleConnections(), CHECK_INTERVAL_MS).unref();
    server.once('close', () => clearInterval(sweep));
  }

  async #waitUntilQuiet(server: Server, until: number, cutOff: AbortSignal): Promise<void> {
    let askedAt = performance.now();
    // Probes go on and send nobody.
    const note = ({ url }: { url?: string }): void => {
      if (url?.startsWith('/health/') !== true) askedAt = performance.now();
    };
    server.on('request', note);
    const isExpected = async (): Promise<boolean> =>
      performance.now() - this.#visitedAt < RECENT_CONNECTION_MS || (await connectionsOf(server)) > 0;
    const isBusy = (): boolean =>
      !cutOff.aborted && performance.now() < until && performance.now() - askedAt < QUIET_PERIOD_MS;
    while (isBusy() && (await isExpected())) await pause(CHECK_INTERVAL_MS);
    server.off('request', note);
  }
}

function connectionsOf(server: Server): Promise<number> {
  return promisify(server.getConnections.bind(server))();
}
