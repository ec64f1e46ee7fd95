import { Injectable } from '@nestjs/common';
import { collectDefaultMetrics, Counter, Gauge, Registry } from 'prom-client';

/** What Prometheus is told: numbers that are read from the rooms' `stats()` when it asks. */
@Injectable()
export class MetricsRegistry {
  readonly registry = new Registry();

  /** Those of the process: CPU, memory, event loop. They cost something even when nobody asks. */
  collectDefaults(): void {
    collectDefaultMetrics({ register: this.registry });
  }

  /** A number that goes up and down. */
  gauge(name: string, help: string, read: () => number): void {
    const gauge: Gauge = new Gauge({ name, help, registers: [this.registry], collect: () => gauge.set(read()) });
  }

  /** Numbers that go up and down, by the value of one label. */
  gauges(name: string, help: string, label: string, read: () => Readonly<Record<string, number>>): void {
    const gauge: Gauge = new Gauge({
      name,
      help,
      labelNames: [label],
      registers: [this.registry],
      collect: () => {
        for (const [value, count] of Object.entries(read())) gauge.set({ [label]: value }, count);
      },
    });
  }

  /** Numbers that only grow, by the value of one label. */
  counters(name: string, help: string, label: string, read: () => Readonly<Record<string, number>>): void {
    const counter: Counter = new Counter({
      name,
      help,
      labelNames: [label],
      registers: [this.registry],
      collect: () => {
        counter.reset();
        for (const [value, count] of Object.entries(read())) counter.inc({ [label]: value }, count);
      },
    });
  }
}
