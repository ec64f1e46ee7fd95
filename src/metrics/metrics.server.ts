import { Inject, Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { createServer, type Server, type ServerResponse } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import type { Registry } from 'prom-client';
import { CONFIG, type Config } from '../config/config.js';
import { SECURITY_HEADERS } from '../http/response-headers.js';
import { MetricsRegistry } from './metrics.registry.js';

/** Longest wait for a scrape at shutdown; then its connection is closed. */
const SCRAPE_TIMEOUT_MS = 1000;

/** `GET /metrics` for Prometheus on `METRICS_PORT`: a port of its own, so that metrics are never public by accident. */
@Injectable()
export class MetricsServer implements OnApplicationBootstrap, OnApplicationShutdown {
  #server: Server | undefined;

  constructor(
    @Inject(CONFIG) private readonly config: Config,
    private readonly metrics: MetricsRegistry,
  ) {}

  /** The port in use, for `METRICS_PORT=0`; undefined when metrics are off. */
  get port(): number | undefined {
    return (this.#server?.address() as AddressInfo | null | undefined)?.port;
  }

  async onApplicationBootstrap(): Promise<void> {
    const { metricsPort, host } = this.config;
    if (metricsPort === undefined) return;
    const registry = await this.metrics.createRegistry();
    this.#server = createServer(
      (request, response) => void answerScrape(registry, request.url, response).catch(() => response.destroy()),
    ).listen(metricsPort, host);
    await once(this.#server, 'listening');
  }

  async onApplicationShutdown(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (server === undefined) return;
    const closing = once(server, 'close');
    server.close();
    setTimeout(() => server.closeAllConnections(), SCRAPE_TIMEOUT_MS).unref();
    await closing;
  }
}

async function answerScrape(registry: Registry, url: string | undefined, response: ServerResponse): Promise<void> {
  const text = url === '/metrics' ? await registry.metrics() : '';
  const headers = { ...SECURITY_HEADERS, 'content-type': registry.contentType };
  response.writeHead(url === '/metrics' ? 200 : 404, headers).end(text);
}
