import { Inject, Injectable, Logger, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { CONFIG, type Config } from '../config/config.js';
import { serviceUnavailable } from '../problems/http-status.problems.js';
import { KeyRing } from '../tokens/key-ring.js';
import { RevocationsService } from './revocations.service.js';

const CHECK_MS = 250;

/** Whether this node's knowledge of revocations is recent enough, and what follows when it is not. */
@Injectable()
export class RevocationStaleness implements OnApplicationBootstrap, OnApplicationShutdown {
  readonly #log = new Logger('Freshness');
  readonly #mostMs: number;
  readonly #refuses: boolean;
  #wasStale = false;
  readonly #stale = { served: 0, refused: 0 };
  #timer: NodeJS.Timeout | undefined;

  constructor(
    @Inject(CONFIG) config: Config,
    private readonly revocations: RevocationsService,
    private readonly keyRing: KeyRing,
  ) {
    this.#mostMs = config.revocationStaleSeconds * 1000;
    this.#refuses = config.revocationStalePolicy === 'refuse';
  }

  /** Asked about each guarded request. */
  get isStale(): boolean {
    return this.#ageMs > this.#mostMs;
  }

  /** Whether guarded requests are refused for it. */
  get isRefusing(): boolean {
    return this.#refuses && this.isStale;
  }

  /** Of the older of the two: a node that cannot read the keys does not know whom to trust either. */
  get #ageMs(): number {
    return performance.now() - Math.min(this.revocations.lastReadAt, this.keyRing.lastReadAt);
  }

  /** Since this node last read the revocations and the keys. */
  get ageSeconds(): number {
    return this.#ageMs / 1000;
  }

  /** Guarded requests that met stale knowledge, since the start. */
  stats(): { readonly served: number; readonly refused: number } {
    return { ...this.#stale };
  }

  /** To be asked about each guarded request. @throws Problem `service_unavailable` when stale and the policy refuses. */
  requireFreshRevocations(): void {
    if (!this.isStale) return;
    this.#stale[this.#refuses ? 'refused' : 'served']++;
    if (this.#refuses) throw serviceUnavailable({ cause: new Error('revocations are stale') });
  }

  onApplicationBootstrap(): void {
    this.#timer = setInterval(() => this.#logChange(), CHECK_MS).unref();
  }

  onApplicationShutdown(): void {
    clearInterval(this.#timer);
  }

  #logChange(): void {
    if (this.isStale === this.#wasStale) return;
    this.#wasStale = this.isStale;
    const policy = this.#refuses ? 'refuse' : 'serve';
    if (this.#wasStale) this.#log.error({ event: 'revocations_stale', policy, afterSeconds: this.#mostMs / 1000 });
    else this.#log.warn({ event: 'revocations_fresh_again', ...this.#stale });
  }
}
