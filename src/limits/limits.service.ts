import { Inject, Injectable, Logger } from '@nestjs/common';
import { randomUUIDv7 } from 'node:crypto';
import { CONFIG, type Config } from '../config/config.js';
import { PURGE_LIMITS_LOCK } from '../database/advisory-lock.js';
import { Chores } from '../database/chores.js';
import type { Transaction } from '../database/prisma.service.js';
import type { Problem } from '../problems/problem.js';
import type { Bill, Charge, Guard, Verdict } from './bill.js';
import { DeviceTokens } from './device-tokens.js';
import { clientOf, LimitKeys } from './limit-keys.js';
import { ACCOUNT_GUARD, LIMITS, REQUEST_ADDRESS, SHARES, type LimitPolicy } from './limit-policies.js';
import { tooManyAttempts } from './limits.problems.js';
import { LimitsRepository } from './limits.repository.js';

const PURGE_SECONDS = 600;

/** Someone at the door. */
export interface LoginAttempt {
  readonly email: string;
  readonly address: string;
  readonly deviceToken?: string | undefined;
}

/** An attempt that may be looked at. It counts as a wrong one until it is told otherwise. */
export interface Admitted {
  /** The password was right. @returns the device token for the next login, where there is one */
  succeed(userId: string): Promise<string | undefined>;
  /** It was not looked at. */
  withdraw(): Promise<void>;
}

/** While limits are off. */
const ADMITTED: Admitted = { succeed: async () => undefined, withdraw: async () => undefined };

/**
 * How often a secret may be guessed: counted in the database, for all nodes together and over restarts, before an attempt is
 * looked at. What cannot be counted is not looked at either: without a database each of these is 503.
 */
@Injectable()
export class LimitsService {
  readonly #log = new Logger('Limits');
  readonly #mode: Config['rateLimits'];
  readonly #refused: Record<string, number> = Object.fromEntries(
    [...Object.values(LIMITS), ACCOUNT_GUARD, REQUEST_ADDRESS].map(({ name }) => [name, 0]),
  );

  constructor(
    @Inject(CONFIG) config: Config,
    chores: Chores,
    private readonly repository: LimitsRepository,
    private readonly keys: LimitKeys,
    private readonly deviceTokens: DeviceTokens,
  ) {
    this.#mode = config.rateLimits;
    chores.every(PURGE_SECONDS, 'purge limits', () =>
      chores.alone(PURGE_LIMITS_LOCK, (tx) => this.repository.purge(tx)),
    );
  }

  /** @throws Problem `too_many_attempts`, alike for accounts that exist and that do not. */
  async admitLogin({ email, address, deviceToken }: LoginAttempt): Promise<Admitted> {
    if (this.#mode === 'off') return ADMITTED;
    const [account, client] = [email.toLowerCase(), clientOf(address)];
    const guard = this.#guard(account);
    const deviceId = deviceToken === undefined ? undefined : this.deviceTokens.read(deviceToken);
    const bill: Bill = {
      charges: [this.#charge(LIMITS.address, client), this.#charge(LIMITS.addressAndAccount, client, account)],
      guard,
      last: this.#charge(LIMITS.all, String(Math.floor(Math.random() * SHARES))),
      device: deviceId === undefined ? undefined : { id: deviceId, email: account },
    };
    const { isKnownDevice, charged } = await this.#take(bill);
    const withdraw = (): Promise<void> => this.repository.withdraw(charged, isKnownDevice);
    if (!isKnownDevice || deviceId === undefined) {
      return { withdraw, succeed: (userId) => this.#welcome(charged, userId) };
    }
    return {
      withdraw,
      succeed: async () => {
        await this.repository.forgiveDevice(deviceId, guard);
        return deviceToken;
      },
    };
  }

  /** @throws Problem `too_many_attempts` */
  async admitCurrentPassword(userId: string, address: string): Promise<Admitted> {
    if (this.#mode === 'off') return ADMITTED;
    const bill: Bill = {
      charges: [this.#charge(LIMITS.address, clientOf(address)), this.#charge(LIMITS.currentPassword, userId)],
    };
    const { charged } = await this.#take(bill);
    return {
      withdraw: () => this.repository.withdraw(charged, false),
      succeed: async () => {
        await this.repository.forgive(charged, [LIMITS.currentPassword]);
        return undefined;
      },
    };
  }

  /** @throws Problem `too_many_attempts` */
  async admitRegistration(email: string, address: string): Promise<void> {
    if (this.#mode === 'off') return;
    await this.#take({
      charges: [
        this.#charge(LIMITS.registerAddress, clientOf(address)),
        this.#charge(LIMITS.registerAccount, email.toLowerCase()),
      ],
    });
  }

  /** @throws Problem `too_many_attempts` */
  async admitRefresh(sessionId: string, address: string): Promise<void> {
    if (this.#mode === 'off') return;
    await this.#take({
      charges: [this.#charge(LIMITS.refreshAddress, clientOf(address)), this.#charge(LIMITS.refreshSession, sessionId)],
    });
  }

  /** No device of the user is known any more. */
  endDevices(tx: Transaction, userId: string): Promise<void> {
    return this.repository.deleteDevices(tx, userId);
  }

  /** Forgets the wrong passwords that were tried for an account. */
  async unlock(tx: Transaction, email: string): Promise<void> {
    await this.repository.deleteGuard(tx, this.#guard(email.toLowerCase()));
  }

  /** Counts and tells that a limit is used up for so long: the problem to refuse with, or undefined in a dry run. */
  refusal({ name, quota, seconds: window }: LimitPolicy, untilNext: number): Problem | undefined {
    this.#refused[name] = (this.#refused[name] ?? 0) + 1;
    const seconds = Math.max(1, Math.ceil(untilNext));
    if (this.#mode === 'dry-run') {
      this.#log.warn({ event: 'would_be_limited', limit: name, seconds });
      return undefined;
    }
    return tooManyAttempts({
      headers: {
        'retry-after': String(seconds),
        'ratelimit-policy': `"${name}";q=${quota};w=${window}`,
        ratelimit: `"${name}";r=0;t=${seconds}`,
      },
      securityEvent: { event: 'too_many_attempts', limit: name, seconds },
    });
  }

  /** Attempts refused since the start, by the limit; in a dry run those that would have been. */
  stats(): Readonly<Record<string, number>> {
    return { ...this.#refused };
  }

  async #welcome(bill: Bill, userId: string): Promise<string | undefined> {
    const id = randomUUIDv7();
    const isKnown = await this.repository.forgive(bill, [LIMITS.addressAndAccount], { id, userId });
    return isKnown ? this.deviceTokens.write(id) : undefined;
  }

  async #take(bill: Bill): Promise<Verdict> {
    const verdict = await this.repository.take(bill);
    const { refusal } = verdict;
    const problem = refusal && this.refusal(refusal.policy, refusal.seconds);
    if (problem !== undefined) throw problem;
    return verdict;
  }

  #charge(policy: LimitPolicy, ...whom: readonly string[]): Charge {
    return { policy, key: this.keys.of(policy.name, ...whom) };
  }

  #guard(account: string): Guard {
    return { key: this.keys.of(ACCOUNT_GUARD.name, account) };
  }
}
