import { AggregatorRegistry, Counter, Gauge, Histogram, Registry, type Aggregator } from 'prom-client';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import type { ProcessMetrics } from './combined-metrics.js';
import { NodeMetrics } from './node-metrics.js';

/** Metrics of a process whose every number is this one. */
async function metricsOf(value: number): Promise<ProcessMetrics> {
  const registers = [new Registry()];
  const labelled = { help: 'h', labelNames: ['reason'], registers };
  new Counter({ name: 'shed_total', ...labelled }).inc({ reason: 'gone' }, value);
  for (const aggregator of ['sum', 'max', 'min', 'first'] satisfies Aggregator[])
    new Gauge({ name: `gauge_${aggregator}`, help: 'h', aggregator, registers }).set(value);
  new Gauge({ name: 'process_open_fds', help: 'h', registers }).set(value);
  const histogram = new Histogram({ name: 'gc_seconds', help: 'h', buckets: [10], registers });
  histogram.observe(value);
  const [registry] = registers;
  // As it arrives by a message.
  return JSON.parse(JSON.stringify(await registry?.getMetricsAsJSON())) as ProcessMetrics;
}

interface AnsweringWorker {
  value: number;
  isStopped: boolean;
  readonly end: () => void;
}

async function startMetrics(answerMs = 10_000) {
  const metrics = await NodeMetrics.create(answerMs);
  const addWorker = async (value: number): Promise<AnsweringWorker> => {
    const channel = metrics.addWorker(() => {
      if (!worker.isStopped) void metricsOf(worker.value).then(channel.receiveMetrics);
    });
    const worker: AnsweringWorker = { value, isStopped: false, end: () => channel.remove() };
    channel.receiveMetrics(await metricsOf(value));
    return worker;
  };
  const read = async (): Promise<Record<string, number>> => {
    const { text } = await metrics.scrape();
    const series = [...text.matchAll(/^([a-z]\w*(?:\{.*\})?) (\S+)$/gm)];
    return Object.fromEntries(series.map(([, name, value]) => [name, Number(value)]));
  };
  return { metrics, addWorker, read };
}

describe('the metrics of a node of several processes', () => {
  it('are put together as each one states', async () => {
    const { addWorker, read } = await startMetrics();
    await addWorker(5);
    await addWorker(70);
    const values = await read();
    expect(values).toMatchObject({
      'shed_total{reason="gone"}': 75,
      gauge_sum: 75,
      gauge_max: 70,
      gauge_min: 5,
      gauge_first: 5,
      'gc_seconds_bucket{le="10"}': 1,
      'gc_seconds_bucket{le="+Inf"}': 2,
      gc_seconds_sum: 75,
      gc_seconds_count: 2,
      gatehouse_workers: 2,
      gatehouse_workers_silent: 0,
    });
  });

  it('include the process of the primary in those of processes', async () => {
    const { addWorker, read } = await startMetrics();
    const alone = (await read())['process_resident_memory_bytes'];
    expect(alone).toBeGreaterThan(1e6);
    await addWorker(1e9);
    expect((await read())['process_open_fds']).toBe(1e9);
    expect((await read())['process_start_time_seconds']).toBeGreaterThan(1e9);
  });

  it('keep the counts of workers that have ended, and not their gauges', async () => {
    const { addWorker, read } = await startMetrics();
    const [one, other] = [await addWorker(5), await addWorker(70)];
    const before = await read();
    other.end();
    expect(await read()).toMatchObject({
      'shed_total{reason="gone"}': before['shed_total{reason="gone"}'],
      gc_seconds_count: 2,
      gauge_sum: 5,
      gatehouse_workers: 1,
    });
    one.end();
    await addWorker(1);
    expect(await read()).toMatchObject({ 'shed_total{reason="gone"}': 76, gc_seconds_count: 3, gauge_sum: 1 });
    expect(await read()).toMatchObject({ 'shed_total{reason="gone"}': 76, gc_seconds_count: 3, gauge_sum: 1 });
  });

  it('keep the counts of all that have ended as those of one, also while nobody scrapes', async () => {
    const { addWorker, read } = await startMetrics();
    for (let ended = 0; ended < 50; ended++) (await addWorker(1)).end();
    const aggregate = vi.spyOn(AggregatorRegistry, 'aggregate');
    onTestFinished(() => aggregate.mockRestore());
    expect(await read()).toMatchObject({ 'shed_total{reason="gone"}': 50, gc_seconds_count: 50 });
    expect(Math.max(...aggregate.mock.calls.map(([processes]) => processes.length))).toBe(2);
  });

  it('are answered in time when a worker is silent, with what it said before', async () => {
    const { addWorker, read } = await startMetrics(50);
    const [silent] = [await addWorker(5), await addWorker(70)];
    silent.isStopped = true;
    silent.value = 6;
    expect(await read()).toMatchObject({ 'shed_total{reason="gone"}': 75, gauge_sum: 75, gatehouse_workers_silent: 1 });
    silent.isStopped = false;
    await expect.poll(read).toMatchObject({ 'shed_total{reason="gone"}': 76, gatehouse_workers_silent: 0 });
  });

  it('are answered at once when a worker ends during the scrape, and without one that is starting', async () => {
    const { metrics, addWorker, read } = await startMetrics();
    const dying = await addWorker(5);
    dying.isStopped = true;
    metrics.addWorker(() => undefined);
    const values = read();
    dying.end();
    expect(await values).toMatchObject({ 'shed_total{reason="gone"}': 5, gatehouse_workers: 0 });
  });

  it('are collected once for scrapes at the same time', async () => {
    const { metrics } = await startMetrics();
    expect(metrics.scrape()).toBe(metrics.scrape());
  });
});
