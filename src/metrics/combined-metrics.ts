import type { Aggregator, MetricObjectWithValues, MetricValue, Registry } from 'prom-client';

/** The metrics of one process, as `Registry.getMetricsAsJSON()` gives them. */
export type ProcessMetrics = MetricObjectWithValues<MetricValue<string>>[];

/** How a metric of the node is put together from those of its processes. */
export type Combination = Extract<Aggregator, 'sum' | 'max' | 'min' | 'first'>;

/** The metrics of prom-client whose own way misleads: it averages delays, and adds up limits. */
const COMBINATIONS: Readonly<Record<string, Combination>> = {
  process_start_time_seconds: 'min',
  process_open_fds: 'max',
  process_max_fds: 'min',
  nodejs_version_info: 'first',
  nodejs_eventloop_lag_seconds: 'max',
  nodejs_eventloop_lag_min_seconds: 'min',
  nodejs_eventloop_lag_max_seconds: 'max',
  nodejs_eventloop_lag_mean_seconds: 'max',
  nodejs_eventloop_lag_stddev_seconds: 'max',
  nodejs_eventloop_lag_p50_seconds: 'max',
  nodejs_eventloop_lag_p90_seconds: 'max',
  nodejs_eventloop_lag_p99_seconds: 'max',
};

/** The metrics of the node. Those that are only in some processes are combined from these. */
export async function combineMetrics(processes: readonly ProcessMetrics[]): Promise<Registry> {
  const { AggregatorRegistry } = await import('prom-client');
  return AggregatorRegistry.aggregate(statedCombinations(processes));
}

/** The metrics, each with the way in which it is combined as its `aggregator`. */
export function statedCombinations(processes: readonly ProcessMetrics[]): ProcessMetrics[] {
  return processes.map((metrics) =>
    metrics.map((metric) => ({ ...metric, aggregator: COMBINATIONS[metric.name] ?? metric.aggregator })),
  );
}

/** What remains of a process that has ended: its counts, which do not fall. */
export function countsOf(metrics: ProcessMetrics): ProcessMetrics {
  return metrics.filter(({ type }) => ['counter', 'histogram', 'summary'].includes(String(type)));
}
