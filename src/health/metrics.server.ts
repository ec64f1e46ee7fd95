import { Inject, Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { createServer, type Server, type ServerResponse } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import { CONFIG, type Config } from '../config/config.js';
import { PrismaService } from '../database/prisma.service.js';
import { PasswordsService } from '../passwords/passwords.service.js';

/** `GET /metrics` for Prometheus on `METRICS_PORT`, apart from the API so that it is never public by accident. */
@Injectable()
export class MetricsServer implements OnApplicationBootstrap, OnApplicationShutdown {
  readonly #registry = new Registry();
  #server: Server | undefined;

  constructor(
    @Inject(CONFIG) private readonly config: Config,
    private readonly prisma: PrismaService,
    private readonly passwords: PasswordsService,
  ) {}

  /** The port in use, for `METRICS_PORT=0`; undefined when metrics are off. */
  get port(): number | undefined {
    return (this.#server?.address() as AddressInfo | null | undefined)?.port;
  }

  async onApplicationBootstrap(): Promise<void> {
    const { metricsPort, host } = this.config;
    if (metricsPort === undefined) return;
    collectDefaultMetrics({ register: this.#registry });
    this.#gauge('gatehouse_database_connections', 'Open database connections.', () => this.prisma.stats().total);
    this.#gauge('gatehouse_database_waiting', 'Callers waiting for a connection.', () => this.prisma.stats().waiting);
    this.#gauge('gatehouse_hashes_running', 'Password hashes being computed.', () => this.passwords.stats().running);
    this.#gauge('gatehouse_hashes_waiting', 'Password hashes waiting.', () => this.passwords.stats().waiting);
    this.#server = createServer((request, response) => void this.#answer(request.url, response)).listen(
      metricsPort,
      host,
    );
    await once(this.#server, 'listening');
  }

  async onApplicationShutdown(): Promise<void> {
    await this.#server?.[Symbol.asyncDispose]();
  }

  #gauge(name: string, help: string, read: () => number): void {
    const gauge: Gauge = new Gauge({ name, help, registers: [this.#registry], collect: () => gauge.set(read()) });
  }

  async #answer(url: string | undefined, response: ServerResponse): Promise<void> {
    const text = url === '/metrics' ? await this.#registry.metrics() : '';
    response.writeHead(url === '/metrics' ? 200 : 404, { 'content-type': this.#registry.contentType }).end(text);
  }
}
