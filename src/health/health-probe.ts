import type { LoggerService } from '@nestjs/common';
import { serviceUnavailable } from '../problems/http-status.problems.js';

/** Why a probe answers 503. */
type Reason = 'shutting_down' | 'no_key' | 'stale' | 'database' | 'read_only';

/** A probe that is requested every few seconds: logs a line when its result changes, and none for each 503. */
export class HealthProbe {
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
