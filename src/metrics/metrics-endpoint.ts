import { createServer, type Server } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { SECURITY_HEADERS } from '../http/response-headers.js';

/** Longest wait for a scrape at shutdown; then its connection is closed. */
const SCRAPE_TIMEOUT_MS = 1000;

export interface Scrape {
  readonly text: string;
  readonly contentType: string;
}

/** `GET /metrics` for Prometheus on `METRICS_PORT`: a port of its own, so that metrics are never public by accident. */
export class MetricsEndpoint {
  readonly #server: Server;

  constructor(scrape: () => Promise<Scrape>) {
    this.#server = createServer((request, response) => {
      if (request.url !== '/metrics') response.writeHead(404, SECURITY_HEADERS).end();
      else
        scrape().then(
          ({ text, contentType }) =>
            response.writeHead(200, { ...SECURITY_HEADERS, 'content-type': contentType }).end(text),
          () => response.destroy(),
        );
    });
  }

  /** @throws {Error} if the port is in use or not allowed */
  async listen(port: number, host: string): Promise<void> {
    this.#server.listen(port, host);
    await once(this.#server, 'listening');
  }

  get port(): number | undefined {
    return (this.#server.address() as AddressInfo | null)?.port;
  }

  async close(): Promise<void> {
    const closing = once(this.#server, 'close');
    this.#server.close();
    setTimeout(() => this.#server.closeAllConnections(), SCRAPE_TIMEOUT_MS).unref();
    await closing;
  }
}
