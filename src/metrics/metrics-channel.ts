import type { Registry } from 'prom-client';
import type { PrimaryLink } from '../workers/primary-link.js';
import { Topic } from '../workers/topic.js';
import type { WorkerLink } from '../workers/worker-link.js';
import type { ProcessMetrics } from './combined-metrics.js';
import type { NodeMetrics } from './node-metrics.js';

const METRICS = new Topic<ProcessMetrics, 'send'>('metrics');

/** In the primary: adds the metrics of a worker to those of the node. */
export function collectWorkerMetrics(metrics: NodeMetrics, link: WorkerLink): void {
  const worker = metrics.addWorker(() => link.tellWorker(METRICS, 'send'));
  link.onMessage(METRICS, (latest) => worker.receiveMetrics(latest));
  link.onServing(() => link.tellWorker(METRICS, 'send'));
  link.onGone(() => worker.remove());
}

/** In a worker: sends the metrics of the process whenever the primary asks. @returns sends them unasked */
export function sendMetricsToPrimary(registry: Registry, primary: PrimaryLink): () => Promise<void> {
  const send = async (): Promise<void> => primary.tellPrimary(METRICS, await registry.getMetricsAsJSON());
  primary.onMessage(METRICS, () => void send());
  return send;
}
