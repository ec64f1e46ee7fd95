import { Injectable } from '@nestjs/common';
import type { AppliedCharges, Attempt, ChargeOutcome, Refusal } from './charges.js';
import { LimitRefusals, usedUpLimitOf } from './limit-refusals.js';
import { RateLimitsRepository } from './rate-limits.repository.js';
import { RecentRefusals } from './recent-refusals.js';

/** How often an attempt is charged that loses races to concurrent ones, before it is refused for a second. */
const MAX_RACES = 3;

/** Charges attempts in the database, for all nodes together and over restarts, and refunds them. */
@Injectable()
export class ChargingService {
  readonly #recentRefusals = new RecentRefusals<Refusal>();

  constructor(
    private readonly repository: RateLimitsRepository,
    private readonly refusals: LimitRefusals,
  ) {}

  /**
   * Charges an attempt. In a dry run an attempt over a limit passes and is charged nothing.
   * @throws Problem `too_many_attempts`, and then nothing is charged
   */
  async chargeAttempt(attempt: Attempt): Promise<AppliedCharges> {
    this.#requireNotRecentlyRefused(attempt);
    const outcome = await this.#chargeWithRetries(attempt);
    if (outcome.kind !== 'refused') return outcome.applied;
    const problem = this.refusals.countAndCreateProblem(usedUpLimitOf(outcome));
    if (problem === undefined) return { charges: [], isKnownDevice: outcome.isKnownDevice };
    const { limit } = outcome;
    const key = attempt.refusalKeys?.[typeof limit === 'object' ? limit.name : limit];
    if (key !== undefined) this.#recentRefusals.rememberRefusal(key, outcome);
    throw problem;
  }

  async refundAttempt(attempt: Attempt, applied: AppliedCharges): Promise<void> {
    await this.repository.refundCharges(applied, attempt.device?.id);
    this.#forgetRefusals(attempt);
  }

  /** @returns whether the given device is known from now on; false where the user was deleted meanwhile */
  async recordSuccess(
    attempt: Attempt,
    { charges }: AppliedCharges,
    device?: { readonly id: string; readonly userId: string },
  ): Promise<boolean> {
    const isKnown = await this.repository.recordSuccess(charges, attempt.onSuccess, device);
    this.#forgetRefusals(attempt);
    return isKnown;
  }

  /** Refuses from memory what the database refused a moment ago. */
  #requireNotRecentlyRefused({ refusalKeys = {} }: Attempt): void {
    for (const key of Object.values(refusalKeys)) {
      const recent = this.#recentRefusals.findRefusal(key);
      const problem = recent && this.refusals.countAndCreateProblem(usedUpLimitOf(recent));
      if (problem !== undefined) throw problem;
    }
  }

  /** A refund or a success makes room for what was refused because of the charge. */
  #forgetRefusals({ refusalKeys = {} }: Attempt): void {
    for (const key of Object.values(refusalKeys)) this.#recentRefusals.forgetRefusal(key);
  }

  async #chargeWithRetries(attempt: Attempt): Promise<ChargeOutcome> {
    let outcome = await this.repository.chargeAttempt(attempt);
    for (let race = 1; outcome.kind === 'raced' && race <= MAX_RACES; race++) {
      // The charges before the limit that was used up meanwhile.
      await this.repository.refundCharges(outcome.applied, undefined);
      outcome = race < MAX_RACES ? await this.repository.chargeAttempt(attempt) : refusalOf(attempt, outcome.applied);
    }
    return outcome;
  }
}

/** The refusal of an attempt that lost every race. */
function refusalOf({ charges }: Attempt, { charges: applied }: AppliedCharges): ChargeOutcome {
  const limit = charges[applied.length]?.limit ?? 'account';
  return { kind: 'refused', limit, seconds: 1, retrySeconds: 1, isKnownDevice: false };
}
