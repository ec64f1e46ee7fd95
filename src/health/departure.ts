import { Inject, Injectable } from '@nestjs/common';
import type { Server } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import { CONFIG, type Config } from '../config/config.js';

/** Nobody has asked for so long: whoever sends requests here has noticed. */
export const QUIET_MS = 1000;
/** A visitor so recently means that another may come. */
const RECENT_MS = 10_000;
const CHECK_MS = 25;
/** What is kept of the time for closing what is left. */
const RESERVE_MS = 3000;

/**
 * Leaving without losing a request. First others are told: readiness is 503 and each answer ends its connection, while
 * requests are accepted as ever. Once nobody sends any more the server closes.
 */
@Injectable()
export class Departure {
  readonly #timeoutMs: number;
  #visitedAt = Number.NEGATIVE_INFINITY;
  #isLeaving = false;

  constructor(@Inject(CONFIG) config: Config) {
    this.#timeoutMs = config.shutdownTimeoutSeconds * 1000;
  }

  get isLeaving(): boolean {
    return this.#isLeaving;
  }

  /** To be told before the server listens. */
  watch(server: Server): void {
    server.on('connection', () => (this.#visitedAt = performance.now()));
  }

  /** Tells the others, waits until they have noticed, then closes; what does not end in time is cut off. */
  async leave(server: Server, close: () => Promise<void>): Promise<void> {
    const startedAt = performance.now();
    this.#isLeaving = true;
    await this.#quiet(server, startedAt + Math.max(0, this.#timeoutMs - RESERVE_MS) / 2);
    const left = startedAt + this.#timeoutMs - RESERVE_MS - performance.now();
    const cutOff = setTimeout(() => server.closeAllConnections(), Math.max(0, left));
    server.closeIdleConnections();
    await close();
    clearTimeout(cutOff);
  }

  async #quiet(server: Server, until: number): Promise<void> {
    let askedAt = performance.now();
    // Probes go on and send nobody.
    const note = ({ url }: { url?: string }): void => {
      if (url?.startsWith('/health/') !== true) askedAt = performance.now();
    };
    server.on('request', note);
    const isExpected = async (): Promise<boolean> =>
      performance.now() - this.#visitedAt < RECENT_MS || (await connectionsOf(server)) > 0;
    while (performance.now() < until && performance.now() - askedAt < QUIET_MS && (await isExpected())) {
      await pause(CHECK_MS);
    }
    server.off('request', note);
  }
}

function connectionsOf(server: Server): Promise<number> {
  return promisify(server.getConnections.bind(server))();
}
