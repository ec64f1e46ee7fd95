import { Inject, Injectable, Logger } from '@nestjs/common';
import { CONFIG, type Config } from '../config/config.js';
import type { Problem } from '../problems/problem.js';
import type { Refusal } from './charges.js';
import { ACCOUNT_GUARD, LIMITS, REQUEST_ADDRESS, policyOf, type LimitPolicy } from './limit-policies.js';
import { tooManyAttempts, tooManyAttemptsHeaders } from './rate-limits.problems.js';

/** A limit that admits nothing for some seconds. */
export interface UsedUpLimit {
  /** As it is counted and logged. */
  readonly name: string;
  /** As the response shows it; another one where the limit itself would tell that an account exists. */
  readonly policy: LimitPolicy;
  /** Until this limit admits the next attempt. */
  readonly seconds: number;
  /** Until all limits of the attempt do. */
  readonly retrySeconds: number;
}

/** Counts what rate limits refuse, and makes the 429. */
@Injectable()
export class LimitRefusals {
  readonly #log = new Logger('RateLimits');
  readonly #isDryRun: boolean;
  readonly #counts: Record<string, number> = Object.fromEntries(
    [...Object.values(LIMITS), ACCOUNT_GUARD, REQUEST_ADDRESS].map(({ name }) => [name, 0]),
  );

  constructor(@Inject(CONFIG) config: Config) {
    this.#isDryRun = config.rateLimits === 'dry-run';
  }

  /** Counts a refusal and creates its 429. @returns undefined in a dry run, which logs the refusal instead */
  countAndCreateProblem({ name: limit, policy, ...waits }: UsedUpLimit): Problem | undefined {
    this.#counts[limit] = (this.#counts[limit] ?? 0) + 1;
    const seconds = wholeSeconds(waits.seconds);
    const retrySeconds = wholeSeconds(waits.retrySeconds);
    if (this.#isDryRun) {
      this.#log.warn({ event: 'would_be_limited', limit, seconds });
      return undefined;
    }
    return tooManyAttempts({
      headers: tooManyAttemptsHeaders(policy, { seconds, retrySeconds }),
      securityEvent: { event: 'too_many_attempts', limit, seconds },
    });
  }

  /** Whether a limit has this name. */
  isCounted(limit: string): boolean {
    return Object.hasOwn(this.#counts, limit);
  }

  /** Makes the name of a limit of the application known, with no refusals yet. */
  countFromNow(limit: string): void {
    this.#counts[limit] = 0;
  }

  /** Refusals since the start, by limit; in a dry run those that would have been. */
  refusalCounts(): Readonly<Record<string, number>> {
    return { ...this.#counts };
  }
}

/** At least one: zero would ask the client to try again at once. */
function wholeSeconds(seconds: number): number {
  return Math.max(1, Math.ceil(seconds));
}

/**
 * Only a response to a known device names `session-user`: successes charge that limit, so its name would reveal to
 * others that the account exists.
 */
export function usedUpLimitOf({ limit, seconds, retrySeconds, isKnownDevice }: Refusal): UsedUpLimit {
  const isHidden = limit === 'sessionUser' && !isKnownDevice;
  const policy = policyOf(isHidden ? 'account' : limit, seconds);
  return { name: policyOf(limit, seconds).name, policy, seconds, retrySeconds };
}
