import type { WorkerLink } from '../workers/worker-link.js';
import { collectWorkerMetrics } from './metrics-channel.js';
import { MetricsEndpoint } from './metrics-endpoint.js';
import { NodeMetrics } from './node-metrics.js';

/** The endpoint of the primary: serves the metrics of all processes of the node. */
export class NodeMetricsServer {
  private constructor(
    private readonly metrics: NodeMetrics,
    private readonly endpoint: MetricsEndpoint,
  ) {}

  /** @throws {Error} if the port is in use or not allowed */
  static async start(port: number, host: string): Promise<NodeMetricsServer> {
    const metrics = await NodeMetrics.create();
    const endpoint = new MetricsEndpoint(() => metrics.scrape());
    await endpoint.listen(port, host);
    return new NodeMetricsServer(metrics, endpoint);
  }

  addWorker(worker: WorkerLink): void {
    collectWorkerMetrics(this.metrics, worker);
  }

  close(): Promise<void> {
    return this.endpoint.close();
  }
}
