import { Inject, Injectable, Logger, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { CONFIG, type Config } from '../config/config.js';
import { serviceUnavailable } from '../problems/http-status.problems.js';
import type { Problem } from '../problems/problem.js';
import { KeyRing } from '../tokens/key-ring.js';
import { RevocationsService } from './revocations.service.js';

/** How often it checks whether staleness began or ended, to log it. */
const CHECK_INTERVAL_MS = 250;

/**
 * Whether this node has not read revocations or keys for `REVOCATION_STALE_SECONDS`; if so,
 * applies `REVOCATION_STALE_POLICY`.
 */
@Injectable()
export class RevocationStaleness implements OnApplicationBootstrap, OnApplicationShutdown {
  readonly #log = new Logger('RevocationStaleness');
  readonly #maxAgeMs: number;
  readonly #isRefusePolicy: boolean;
  #wasStale = false;
  readonly #staleRequests = { served: 0, refused: 0 };
  #timer: NodeJS.Timeout | undefined;

  constructor(
    @Inject(CONFIG) config: Config,
    private readonly revocations: RevocationsService,
    private readonly keyRing: KeyRing,
  ) {
    this.#maxAgeMs = config.revocationStaleSeconds * 1000;
    this.#isRefusePolicy = config.revocationStalePolicy === 'refuse';
  }

  get isStale(): boolean {
    return this.#ageMs > this.#maxAgeMs;
  }

  /** Whether guarded requests are refused because of staleness. */
  get isRefusing(): boolean {
    return this.#isRefusePolicy && this.isStale;
  }

  /** The age of the older of the two: with stale keys, a node would also accept tokens it should refuse. */
  get #ageMs(): number {
    return performance.now() - Math.min(this.revocations.lastReadAt, this.keyRing.lastReadAt);
  }

  /** Since this node last read both the revocations and the keys. */
  get ageSeconds(): number {
    return this.#ageMs / 1000;
  }

  /** Guarded requests served and refused while stale, since the start. */
  staleRequestCounts(): { readonly served: number; readonly refused: number } {
    return { ...this.#staleRequests };
  }

  /**
   * Call it for each guarded request, which it counts while stale.
   * @returns Problem `service_unavailable` when stale and the policy refuses.
   */
  stalenessProblem(): Problem | undefined {
    if (!this.isStale) return undefined;
    this.#staleRequests[this.#isRefusePolicy ? 'refused' : 'served']++;
    return this.#isRefusePolicy ? serviceUnavailable({ cause: new Error('revocations are stale') }) : undefined;
  }

  onApplicationBootstrap(): void {
    this.#timer = setInterval(() => this.#logChange(), CHECK_INTERVAL_MS).unref();
  }

  onApplicationShutdown(): void {
    clearInterval(this.#timer);
  }

  #logChange(): void {
    if (this.isStale === this.#wasStale) return;
    this.#wasStale = this.isStale;
    const policy = this.#isRefusePolicy ? 'refuse' : 'serve';
    if (this.#wasStale) this.#log.error({ event: 'revocations_stale', policy, afterSeconds: this.#maxAgeMs / 1000 });
    else this.#log.warn({ event: 'revocations_fresh_again', ...this.#staleRequests });
  }
}
