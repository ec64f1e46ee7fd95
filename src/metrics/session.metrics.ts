import { Injectable } from '@nestjs/common';
import { RevocationStaleness } from '../revocation/revocation-staleness.js';
import { RevocationsService } from '../revocation/revocations.service.js';
import { SessionsService } from '../sessions/sessions.service.js';
import { KeyRing } from '../tokens/key-ring.js';
import { MetricsRegistry } from './metrics.registry.js';

/** Refreshes, revocations and signing keys. */
@Injectable()
export class SessionMetrics {
  constructor(
    metrics: MetricsRegistry,
    sessions: SessionsService,
    revocations: RevocationsService,
    staleness: RevocationStaleness,
    keyRing: KeyRing,
  ) {
    metrics.addGauge('gatehouse_revocations', 'Live revocations in memory.', () => revocations.size);
    metrics.addGauge(
      'gatehouse_revocation_lag_seconds',
      'From the latest revocation to its reading here.',
      () => revocations.lagSeconds,
    );
    metrics.addGauge(
      'gatehouse_feed_age_seconds',
      'Since this node last read the revocations.',
      () => staleness.ageSeconds,
    );
    metrics.addCounter('gatehouse_stale_requests_total', 'Guarded requests while the feed was stale.', 'outcome', () =>
      staleness.staleRequestCounts(),
    );
    metrics.addCounter('gatehouse_refreshes_total', 'Refresh tokens presented.', 'verdict', () =>
      sessions.refreshVerdictCounts(),
    );
    metrics.addLabelledGauge(
      'gatehouse_key_age_seconds',
      'Since the latest signing key came into its state.',
      'state',
      () => ({
        ...keyRing.stateAgesSeconds(),
      }),
    );
    metrics.addLabelledGauge('gatehouse_keys', 'Signing keys.', 'state', () => keyRing.countKeysByState());
  }
}
