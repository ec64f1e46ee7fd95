import { Inject, Injectable } from '@nestjs/common';
import { CONFIG, type Config } from '../config/config.js';
import { ChargingService } from './charging.service.js';
import { LimitKeys } from './limit-keys.js';
import type { LimitPolicy } from './limit-policies.js';
import { LimitRefusals } from './limit-refusals.js';

/** One use of something limited: the limit, and whom it counts. */
export interface Use {
  readonly limit: LimitPolicy;
  /** For instance the id of a user, or an address by {@link clientOf}. */
  readonly key: string;
}

/** A limit that a service of the application charges itself. */
export interface ApplicationLimit {
  /** @throws Problem `too_many_attempts`, or `service_unavailable` without the database */
  charge(key: string): Promise<void>;
}

const NAME = /^[a-z][a-z0-9-]{0,31}$/;
const MAX_QUOTA = 1_000_000;
const MAX_SECONDS = 31 * 86_400;

/**
 * The limits of the application, counted in the database for all nodes, by the statement that counts ours. Nothing is
 * given back: a use counts whatever comes of it.
 */
@Injectable()
export class ApplicationRateLimits {
  readonly #isOff: boolean;
  readonly #limits = new Map<string, LimitPolicy>();

  constructor(
    @Inject(CONFIG) config: Config,
    private readonly keys: LimitKeys,
    private readonly charging: ChargingService,
    private readonly refusals: LimitRefusals,
  ) {
    this.#isOff = config.rateLimits === 'off';
  }

  /** Whether uses are counted at all. */
  get isOff(): boolean {
    return this.#isOff;
  }

  /**
   * A limit for a service of the application, which calls it in its constructor: at most `quota` uses of one key within
   * any `seconds`.
   * @throws {TypeError} for a bad policy, or a name that is in use
   */
  define(limit: LimitPolicy): ApplicationLimit {
    this.addLimit(limit);
    return { charge: (key) => this.chargeUses([{ limit, key }]) };
  }

  /** Adds a limit once; the same object again changes nothing. @throws {TypeError} as {@link define} */
  addLimit(limit: LimitPolicy): void {
    const { name, quota, seconds } = limit;
    if (this.#limits.get(name) === limit) return;
    if (!NAME.test(name)) {
      throw new TypeError(
        `"${name}" is no name for a rate limit: use a lower-case letter and up to 31 more, digits and "-".`,
      );
    }
    if (!isWithin(quota, MAX_QUOTA) || !isWithin(seconds, MAX_SECONDS)) {
      throw new TypeError(
        `The rate limit "${name}" needs a quota from 1 to ${MAX_QUOTA} and from 1 to ${MAX_SECONDS} seconds, in whole numbers.`,
      );
    }
    if (this.refusals.isCounted(name)) {
      throw new TypeError(
        `There are two rate limits called "${name}": each needs a name of its own. Routes share a limit if they have the same object.`,
      );
    }
    this.#limits.set(name, limit);
    this.refusals.countFromNow(name);
  }

  /**
   * Charges one attempt to all these limits, or to none where one of them is used up.
   * @throws Problem `too_many_attempts`
   */
  async chargeUses(uses: readonly Use[]): Promise<void> {
    if (this.#isOff) return;
    const charges = uses.map(({ limit, key }) => ({
      limit,
      key: this.#keyOf(limit, key),
      afterSuccess: 'stays' as const,
    }));
    // Not the key itself: it is as long as its maker likes.
    const refusalKeys = Object.fromEntries(charges.map(({ limit: { name }, key }) => [name, key.toString('base64')]));
    await this.charging.chargeAttempt({ charges, refusalKeys });
  }

  #keyOf({ name }: LimitPolicy, key: unknown): Buffer {
    if (typeof key !== 'string') throw new TypeError(`The rate limit "${name}" got a key that is no text.`);
    return this.keys.keyFor('application', name, key);
  }
}

function isWithin(value: number, max: number): boolean {
  return Number.isInteger(value) && value >= 1 && value <= max;
}
