import { Inject, Injectable } from '@nestjs/common';
import type { Server } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import { CONFIG, type Config } from '../config/config.js';
import { ShutdownAnnouncement } from '../config/shutdown-announcement.js';
import { RESERVED_FOR_CLOSING_MS } from './shutdown-deadlines.js';

/** Time without a request after which the server closes: clients and proxies have noticed the shutdown. */
export const QUIET_PERIOD_MS = 1000;
/** After a connection within this time, further requests are expected. */
const RECENT_CONNECTION_MS = 10_000;
const CHECK_INTERVAL_MS = 25;
/** Time in which the first request of a new connection is read. To Node it is idle until then. */
const FIRST_REQUEST_MS = 100;

/**
 * Shuts the server down without losing a request. First the readiness probe answers 503 and each response closes its
 * connection, while requests are still accepted. The server may close once no more requests arrive.
 */
@Injectable()
export class GracefulShutdown {
  readonly #timeoutMs: number;
  #connectedAt = Number.NEGATIVE_INFINITY;

  constructor(
    @Inject(CONFIG) config: Config,
    private readonly announcement: ShutdownAnnouncement,
  ) {
    this.#timeoutMs = config.shutdownTimeoutSeconds * 1000;
  }

  get isShuttingDown(): boolean {
    return this.announcement.signal.aborted;
  }

  /** Call it before the server listens. */
  watchConnections(server: Server): void {
    server.on('connection', () => (this.#connectedAt = performance.now()));
  }

  /**
   * Announces the shutdown and waits until no more requests arrive; close the server then. Connections that do not end
   * in time are closed, and all of them as soon as `forced` aborts.
   */
  async drainServer(server: Server, forced: AbortSignal): Promise<void> {
    const startedAt = performance.now();
    this.announcement.announce();
    const close = (): void => server.closeAllConnections();
    forced.addEventListener('abort', close, { once: true });
    await this.#waitUntilQuiet(server, startedAt + Math.max(0, this.#timeoutMs - RESERVED_FOR_CLOSING_MS) / 2, forced);
    if (forced.aborted) close();
    const left = startedAt + this.#timeoutMs - RESERVED_FOR_CLOSING_MS - performance.now();
    setTimeout(close, Math.max(0, left)).unref();
    // Connections with a request in flight at the start stay open until its response; then they are idle.
    const closeIdle = (): void => void (this.#firstRequestMs <= 0 && server.closeIdleConnections());
    const closingIdle = setInterval(closeIdle, CHECK_INTERVAL_MS).unref();
    server.once('close', () => clearInterval(closingIdle));
  }

  /** Resolves once the first requests of the latest connections are read; call it after the listener was closed. */
  async waitForFirstRequests(): Promise<void> {
    await pause(Math.max(0, this.#firstRequestMs));
  }

  /** What is left of the time for the first request of the latest connection. */
  get #firstRequestMs(): number {
    return this.#connectedAt + FIRST_REQUEST_MS - performance.now();
  }

  async #waitUntilQuiet(server: Server, until: number, forced: AbortSignal): Promise<void> {
    let requestedAt = performance.now();
    // Probes continue and do not count as requests.
    const noteRequest = ({ url }: { url?: string }): void => {
      if (url?.startsWith('/health/') !== true) requestedAt = performance.now();
    };
    server.on('request', noteRequest);
    const areRequestsExpected = async (): Promise<boolean> =>
      performance.now() - this.#connectedAt < RECENT_CONNECTION_MS || (await connectionsOf(server)) > 0;
    const mayWait = (): boolean =>
      !forced.aborted && performance.now() < until && performance.now() - requestedAt < QUIET_PERIOD_MS;
    while (mayWait() && (await areRequestsExpected())) await pause(CHECK_INTERVAL_MS);
    server.off('request', noteRequest);
  }
}

function connectionsOf(server: Server): Promise<number> {
  return promisify(server.getConnections.bind(server))();
}
