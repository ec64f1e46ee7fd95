import { Injectable } from '@nestjs/common';
import type { Gauge, Registry } from 'prom-client';

type Client = typeof import('prom-client');
type Numbers = Readonly<Record<string, number>>;

interface Labelled {
  readonly labels: Record<string, string>;
  readonly count: number;
}

/** What Prometheus is told: numbers that are read from the modules' `stats()` when it asks. */
@Injectable()
export class MetricsRegistry {
  readonly #metrics: ((client: Client, registry: Registry) => void)[] = [];

  /** A number that goes up and down. */
  addGauge(name: string, help: string, read: () => number): void {
    this.#metrics.push((client, registry) => {
      const gauge: Gauge = new client.Gauge({ name, help, registers: [registry], collect: () => gauge.set(read()) });
    });
  }

  /** Numbers that go up and down, by the value of one label. */
  addLabelledGauge(name: string, help: string, label: string, read: () => Numbers): void {
    this.#metrics.push((client, registry) => {
      const gauge = new client.Gauge({ name, help, labelNames: [label], registers: [registry], collect });
      function collect(): void {
        for (const [value, count] of Object.entries(read())) gauge.set({ [label]: value }, count);
      }
    });
  }

  /** Numbers that only grow, by the value of one label. */
  addCounter(name: string, help: string, label: string, read: () => Numbers): void {
    this.addLabelledCounter(name, help, [label], () =>
      Object.entries(read()).map(([value, count]) => ({ labels: { [label]: value }, count })),
    );
  }

  /** Numbers that only grow, by the values of some labels. */
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
   * All of these, and those of the process: CPU, memory, event loop. They cost something even when nobody asks, and the
   * client takes time to load: for servers that can be asked.
   */
  async createRegistry(): Promise<Registry> {
    const client = await import('prom-client');
    const registry = new client.Registry();
    client.collectDefaultMetrics({ register: registry });
    for (const add of this.#metrics) add(client, registry);
    return registry;
  }
}
