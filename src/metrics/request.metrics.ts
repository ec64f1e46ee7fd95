import { Injectable } from '@nestjs/common';
import type { ResponseCount } from '../http/response-counts.js';
import { MetricsRegistry } from './metrics.registry.js';

/** Responses by method, route and status. */
@Injectable()
export class RequestMetrics {
  constructor(private readonly metrics: MetricsRegistry) {}

  /** Adds the server's counts. Call it before the metrics server starts. */
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
