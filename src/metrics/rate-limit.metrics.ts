import { Injectable } from '@nestjs/common';
import { LimitRefusals } from '../rate-limits/limit-refusals.js';
import { MetricsRegistry } from './metrics.registry.js';

/** Attempts refused by each rate limit. */
@Injectable()
export class RateLimitMetrics {
  constructor(metrics: MetricsRegistry, refusals: LimitRefusals) {
    metrics.addCounter('gatehouse_limited_total', 'Attempts refused by a limit.', 'limit', () =>
      refusals.refusalCounts(),
    );
  }
}
