import { Injectable } from '@nestjs/common';
import { RefreshTokensService } from '../sessions/refresh-tokens.service.js';
import { MetricsRegistry } from './metrics.registry.js';

/** Refreshes of sessions. */
@Injectable()
export class SessionMetrics {
  constructor(metrics: MetricsRegistry, refreshTokens: RefreshTokensService) {
    metrics.addCounter('gatehouse_refreshes_total', 'Refresh tokens presented.', 'verdict', () =>
      refreshTokens.refreshVerdictCounts(),
    );
  }
}
