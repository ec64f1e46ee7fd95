import { Inject, Injectable, Optional, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { CONFIG, type Config } from '../config/config.js';
import { PRIMARY_LINK, type PrimaryLink } from '../workers/primary-link.js';
import { sendMetricsToPrimary } from './metrics-channel.js';
import { MetricsEndpoint } from './metrics-endpoint.js';
import { MetricsRegistry } from './metrics.registry.js';

/** Serves the metrics of this process, or sends them to the primary, which serves those of the node. */
@Injectable()
export class MetricsServer implements OnApplicationBootstrap, OnApplicationShutdown {
  #endpoint: MetricsEndpoint | undefined;
  #sendOnceMore: (() => Promise<void>) | undefined;

  constructor(
    @Inject(CONFIG) private readonly config: Config,
    private readonly metrics: MetricsRegistry,
    @Optional() @Inject(PRIMARY_LINK) private readonly primary?: PrimaryLink,
  ) {}

  /** The port in use, for `METRICS_PORT=0`; undefined when metrics are off. */
  get port(): number | undefined {
    return this.#endpoint?.port;
  }

  async onApplicationBootstrap(): Promise<void> {
    const { metricsPort, host } = this.config;
    if (metricsPort === undefined) return;
    const registry = await this.metrics.createRegistry();
    if (this.primary === undefined) {
      this.#endpoint = new MetricsEndpoint(async () => ({
        text: await registry.metrics(),
        contentType: registry.contentType,
      }));
      await this.#endpoint.listen(metricsPort, host);
    } else this.#sendOnceMore = sendMetricsToPrimary(registry, this.primary);
  }

  async onApplicationShutdown(): Promise<void> {
    await this.#sendOnceMore?.();
    const endpoint = this.#endpoint;
    this.#endpoint = undefined;
    await endpoint?.close();
  }
}
