import { Injectable } from '@nestjs/common';
import type { Gauge, Registry } from 'prom-client';
import type { Combination } from './combined-metrics.js';

type Client = typeof import('prom-client');
type Numbers = Readonly<Record<string, number>>;

interface Labelled {
  readonly labels: Record<string, string>;
  readonly count: number;
}

/** The metrics of all modules; their values are read when Prometheus scrapes. */
@Injectable()
export class MetricsRegistry {
  readonly #metrics: ((client: Client, registry: Registry) => void)[] = [];

  /**
   * A gauge: a number that goes up and down.
   * @param aggregator how that of the node is put together from those of its processes; counters are summed
   */
  addGauge(name: string, help: string, aggregator: Combination, read: () => number): void {
    this.#metrics.push((client, registry) => {
      const collect = (): void => gauge.set(read());
      const gauge: Gauge = new client.Gauge({ name, help, aggregator, registers: [registry], collect });
    });
  }

  /** A gauge with one label: a number for each of its values. */
  addLabelledGauge(name: string, help: string, aggregator: Combination, label: string, read: () => Numbers): void {
    this.#metrics.push((client, registry) => {
      const gauge = new client.Gauge({ name, help, aggregator, labelNames: [label], registers: [registry], collect });
      function collect(): void {
        for (const [value, count] of Object.entries(read())) gauge.set({ [label]: value }, count);
      }
    });
  }

  /** A counter with one label: a number that only grows, for each of its values. */
  addCounter(name: string, help: string, label: string, read: () => Numbers): void {
    this.addLabelledCounter(name, help, [label], () =>
      Object.entries(read()).map(([value, count]) => ({ labels: { [label]: value }, count })),
    );
  }

  /** A counter with several labels. */
  addLabelledCounter(name: string, help: string, labelNames: string[], read: () => readonly Labelled[]): void {
    this.#metrics.push((client, registry) => {
      const counter = new client.Counter({ name, help, labelNames, registers: [registry], collect });
      function collect(): void {
        counter.reset();
        for (const { labels, count } of read()) counter.inc(labels, count);
      }
    });
  }

  /**
   * Creates a registry with all these metrics, and those of the process: CPU, memory, event loop. Call it only when
   * metrics are on: the client takes time to load, and the process metrics cost CPU even without scrapes.
   */
  async createRegistry(): Promise<Registry> {
    const client = await import('prom-client');
    const registry = new client.Registry();
    client.collectDefaultMetrics({ register: registry });
    for (const add of this.#metrics) add(client, registry);
    return registry;
  }
}
