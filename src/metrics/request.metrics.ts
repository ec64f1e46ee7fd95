import { Injectable } from '@nestjs/common';
import type { ResponseCount } from '../http/response-counts.js';
import { MetricsRegistry } from './metrics.registry.js';

/** What is answered. */
@Injectable()
export class RequestMetrics {
  constructor(private readonly metrics: MetricsRegistry) {}

  /** To be told by whoever has the server, before it is asked for metrics. */
  addRequestCounts(read: () => Iterable<ResponseCount>): void {
    this.metrics.addLabelledCounter(
      'gatehouse_requests_total',
      'Requests answered.',
      ['method', 'route', 'status'],
      () =>
        Array.from(read(), ({ count, method, route, status }) => ({
          labels: { method, route, status: String(status) },
          count,
        })),
    );
  }
}
