import { Injectable } from '@nestjs/common';
import { SessionsService } from '../sessions/sessions.service.js';
import { MetricsRegistry } from './metrics.registry.js';

/** Refreshes of sessions. */
@Injectable()
export class SessionMetrics {
  constructor(metrics: MetricsRegistry, sessions: SessionsService) {
    metrics.addCounter('gatehouse_refreshes_total', 'Refresh tokens presented.', 'verdict', () =>
      sessions.refreshVerdictCounts(),
    );
  }
}
