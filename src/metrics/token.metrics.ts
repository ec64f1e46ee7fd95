import { Injectable } from '@nestjs/common';
import { AccessTokenVerifier } from '../access/access-token.verifier.js';
import { MetricsRegistry } from './metrics.registry.js';

/** The cache of verified tokens. */
@Injectable()
export class TokenMetrics {
  constructor(metrics: MetricsRegistry, verifier: AccessTokenVerifier) {
    metrics.addGauge(
      'gatehouse_cached_tokens',
      'Verified tokens held in memory.',
      () => verifier.tokenCacheStats().tokens,
    );
    metrics.addGauge(
      'gatehouse_cached_token_bytes',
      'Memory they take, as reckoned.',
      () => verifier.tokenCacheStats().bytes,
    );
    metrics.addCounter('gatehouse_token_lookups_total', 'Tokens looked up among them.', 'outcome', () => {
      const { hits, misses } = verifier.tokenCacheStats();
      return { hit: hits, miss: misses };
    });
  }
}
