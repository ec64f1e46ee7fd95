import { Injectable } from '@nestjs/common';
import { AccessTokenVerifier } from '../access/access-token.verifier.js';
import { RevocationStaleness } from '../revocation/revocation-staleness.js';
import { RevocationsService } from '../revocation/revocations.service.js';
import { KeyRing } from '../tokens/key-ring.js';
import { MetricsRegistry } from './metrics.registry.js';

/** Access tokens: the cache of verified ones, revocations and signing keys. */
@Injectable()
export class TokenMetrics {
  constructor(
    metrics: MetricsRegistry,
    verifier: AccessTokenVerifier,
    revocations: RevocationsService,
    staleness: RevocationStaleness,
    keyRing: KeyRing,
  ) {
    metrics.addGauge(
      'gatehouse_cached_tokens',
      'Verified tokens held in memory.',
      'sum',
      () => verifier.tokenCacheStats().tokens,
    );
    metrics.addGauge(
      'gatehouse_cached_token_bytes',
      'Memory they take, as reckoned.',
      'sum',
      () => verifier.tokenCacheStats().bytes,
    );
    metrics.addCounter('gatehouse_token_lookups_total', 'Tokens looked up among them.', 'outcome', () => {
      const { hits, misses } = verifier.tokenCacheStats();
      return { hit: hits, miss: misses };
    });
    metrics.addGauge('gatehouse_revocations', 'Live revocations in memory.', 'max', () => revocations.size);
    metrics.addGauge(
      'gatehouse_revocation_lag_seconds',
      'From the latest revocation to its reading here.',
      'max',
      () => revocations.lagSeconds,
    );
    metrics.addGauge(
      'gatehouse_feed_age_seconds',
      'Since this node last read the revocations.',
      'max',
      () => staleness.ageSeconds,
    );
    metrics.addCounter('gatehouse_stale_requests_total', 'Guarded requests while the feed was stale.', 'outcome', () =>
      staleness.staleRequestCounts(),
    );
    metrics.addLabelledGauge(
      'gatehouse_key_age_seconds',
      'Since the latest signing key came into its state.',
      'max',
      'state',
      () => ({
        ...keyRing.stateAgesSeconds(),
      }),
    );
    metrics.addLabelledGauge('gatehouse_keys', 'Signing keys.', 'max', 'state', () => keyRing.countKeysByState());
  }
}
