import { Injectable, Logger, type LoggerService } from '@nestjs/common';
import { serviceUnavailable } from '../problems/http-status.problems.js';
import { RevocationStaleness } from '../revocation/revocation-staleness.js';
import { KeyRing } from '../tokens/key-ring.js';
import { DatabaseReadiness } from './database-readiness.js';
import { GracefulShutdown } from './graceful-shutdown.js';

/** Why a probe answers 503. */
type Reason = 'shutting_down' | 'no_key' | 'stale' | 'database' | 'read_only';

/** A probe that is requested every few seconds: logs a line when its result changes, and none for each 503. */
class HealthProbe {
  #reason: Reason | undefined;

  constructor(
    private readonly name: 'serving' | 'ready',
    private readonly log: LoggerService,
  ) {}

  /** @throws `service_unavailable` when there is a reason. */
  respond(reason: Reason | undefined): { status: 'ok' } {
    if (reason !== this.#reason && reason !== 'shutting_down') this.#logReason(reason);
    this.#reason = reason;
    if (reason !== undefined) throw serviceUnavailable({ isAlreadyLogged: true });
    return { status: 'ok' };
  }

  #logReason(reason: Reason | undefined): void {
    if (reason === undefined) this.log.log({ event: 'probe_recovered', probe: this.name });
    else this.log.warn({ event: 'probe_failing', probe: this.name, reason });
  }
}

/** What the probes `serving` and `ready` look at. */
@Injectable()
export class HealthProbes {
  readonly #log = new Logger('Health');
  readonly #serving = new HealthProbe('serving', this.#log);
  readonly #ready = new HealthProbe('ready', this.#log);

  constructor(
    private readonly database: DatabaseReadiness,
    private readonly staleness: RevocationStaleness,
    private readonly keyRing: KeyRing,
    private readonly shutdown: GracefulShutdown,
  ) {}

  /** @throws Problem `service_unavailable` where guarded requests are not answered. */
  respondServing(): { status: 'ok' } {
    return this.#serving.respond(this.#whyNotServing());
  }

  /** @throws Problem `service_unavailable` where something does not work. */
  async respondReady(): Promise<{ status: 'ok' }> {
    return this.#ready.respond(this.#whyNotReady() ?? (await this.database.whyNotReady()));
  }

  #whyNotServing(): Reason | undefined {
    if (this.shutdown.isShuttingDown) return 'shutting_down';
    if (!this.keyRing.canVerify) return 'no_key';
    return this.staleness.isRefusing ? 'stale' : undefined;
  }

  #whyNotReady(): Reason | undefined {
    if (this.shutdown.isShuttingDown) return 'shutting_down';
    if (!this.keyRing.canSign) return 'no_key';
    return this.staleness.isStale ? 'stale' : undefined;
  }
}
