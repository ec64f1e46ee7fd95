import { Injectable } from '@nestjs/common';
import { RateLimitsService } from '../rate-limits/rate-limits.service.js';
import { MetricsRegistry } from './metrics.registry.js';

/** Attempts refused by each rate limit. */
@Injectable()
export class RateLimitMetrics {
  constructor(metrics: MetricsRegistry, limits: RateLimitsService) {
    metrics.addCounter('gatehouse_limited_total', 'Attempts refused by a limit.', 'limit', () => limits.stats());
  }
}
