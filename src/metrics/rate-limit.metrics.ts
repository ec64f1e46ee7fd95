import { Injectable } from '@nestjs/common';
import { LimitsService } from '../rate-limits/rate-limits.service.js';
import { MetricsRegistry } from './metrics.registry.js';

/** What is guessed at. */
@Injectable()
export class LimitMetrics {
  constructor(metrics: MetricsRegistry, limits: LimitsService) {
    metrics.counters('gatehouse_limited_total', 'Attempts refused by a limit.', 'limit', () => limits.stats());
  }
}
