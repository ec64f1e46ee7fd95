import { Inject, Injectable, Logger } from '@nestjs/common';
import { randomUUIDv7 } from 'node:crypto';
import { CONFIG, type Config } from '../config/config.js';
import { PURGE_GUARDS_LOCK, PURGE_LIMITS_LOCK } from '../database/advisory-lock.js';
import { BackgroundJobs } from '../jobs/background-jobs.js';
import type { Transaction } from '../database/prisma.service.js';
import type { Problem } from '../problems/problem.js';
import { UNLIMITED, type AdmittedAttempt } from './admitted-attempt.js';
import {
  ATTEMPTS,
  policyOf,
  SUBJECTS,
  type AfterSuccess,
  type Attempt,
  type AttemptKind,
  type Charge,
  type LimitId,
  type Outcome,
  type Subjects,
  type Taken,
} from './attempts.js';
import { DeviceTokens } from './device-tokens.js';
import { clientOf, LimitKeys } from './limit-keys.js';
import { ACCOUNT_GUARD, LIMITS, REQUEST_ADDRESS, SHARES, type LimitPolicy } from './limit-policies.js';
import { tooManyAttempts } from './rate-limits.problems.js';
import { RateLimitsRepository } from './rate-limits.repository.js';
import { RecentRefusals } from './recent-refusals.js';

const PURGE_SECONDS = 600;
/** How often an attempt that lost a race is read and charged again before it is refused for a second. */
const MOST_RACES = 3;

/** A login to be admitted. */
export interface LoginAttempt {
  readonly email: string;
  readonly address: string;
  readonly deviceToken?: string | undefined;
}

type Refused = Extract<Outcome, { kind: 'refused' }>;

/** Under what the refusals by a limit are remembered. */
type Memories = Partial<Record<LimitId, string>>;

/** A limit that is used up. */
interface UsedUp {
  /** As it is counted here. */
  readonly name: string;
  /** As the caller is told; the same unless that would tell too much. */
  readonly policy: LimitPolicy;
  /** Until this limit lets the next attempt pass. */
  readonly seconds: number;
  /** Until all of them do. */
  readonly retrySeconds: number;
}

/**
 * How often something may be tried: counted in the database, for all nodes together and over restarts, before an attempt is
 * looked at. What cannot be counted is not looked at either: without a database each of these is 503.
 */
@Injectable()
export class RateLimitsService {
  readonly #log = new Logger('Limits');
  readonly #mode: Config['rateLimits'];
  readonly #recent = new RecentRefusals<Refused>();
  readonly #refused: Record<string, number> = Object.fromEntries(
    [...Object.values(LIMITS), ACCOUNT_GUARD, REQUEST_ADDRESS].map(({ name }) => [name, 0]),
  );

  constructor(
    @Inject(CONFIG) config: Config,
    private readonly jobs: BackgroundJobs,
    private readonly repository: RateLimitsRepository,
    private readonly keys: LimitKeys,
    private readonly deviceTokens: DeviceTokens,
  ) {
    this.#mode = config.rateLimits;
    jobs.addRecurringJob(PURGE_SECONDS, 'purge limits', () => this.purgeLimits());
    jobs.addRecurringJob(PURGE_SECONDS, 'purge account guards', () => this.purgeGuards());
  }

  /** @throws Problem `too_many_attempts`, alike for accounts that exist and that do not. */
  async admitLogin({ email, address, deviceToken }: LoginAttempt): Promise<AdmittedAttempt> {
    if (this.#mode === 'off') return UNLIMITED;
    const account = email.toLowerCase();
    const share = String(Math.floor(Math.random() * SHARES));
    const attempt = this.#attempt('login', { address: clientOf(address), account, share });
    const deviceId = deviceToken === undefined ? undefined : this.deviceTokens.read(deviceToken);
    if (deviceId === undefined) return this.#admitStranger(attempt, memoriesOf(clientOf(address), account));
    const onSuccess = this.#charge('sessionUser', 'stays', [deviceId]);
    const device = { id: deviceId, email: account, onSuccess };
    const taken = await this.#consume({ ...attempt, device });
    if (!taken.isKnownDevice) return this.#admitted(attempt, taken);
    return {
      refund: () => this.repository.refund(taken, deviceId),
      recordSuccess: async () => {
        await this.repository.settleDevice(deviceId, onSuccess, this.#guardKey(account));
        // Written anew: under the first master secret, which may not be that of the one presented.
        return this.deviceTokens.write(deviceId);
      },
    };
  }

  /** @throws Problem `too_many_attempts` */
  admitPasswordChange(userId: string, address: string): Promise<AdmittedAttempt> {
    return this.#admit('passwordChange', { userId, address: clientOf(address) });
  }

  /** @throws Problem `too_many_attempts` */
  admitDeletion(userId: string, address: string): Promise<AdmittedAttempt> {
    return this.#admit('deletion', { userId, address: clientOf(address) });
  }

  /** @throws Problem `too_many_attempts` */
  admitRegistration(email: string, address: string): Promise<AdmittedAttempt> {
    return this.#admit('registration', { account: email.toLowerCase(), address: clientOf(address) });
  }

  /** @throws Problem `too_many_attempts` */
  admitRefresh(sessionId: string, address: string): Promise<AdmittedAttempt> {
    return this.#admit('refresh', { sessionId, address: clientOf(address) });
  }

  /** Of the session that asks. @throws Problem `too_many_attempts` */
  admitLogout(sessionId: string): Promise<AdmittedAttempt> {
    return this.#admit('logout', { sessionId });
  }

  /** No device of the user is known any more but the one of this token, if it is the user's. @returns how many were forgotten */
  forgetDevices(tx: Transaction, userId: string, keptDeviceToken?: string): Promise<number> {
    const kept = keptDeviceToken === undefined ? undefined : this.deviceTokens.read(keptDeviceToken);
    return this.repository.deleteDevices(tx, userId, kept);
  }

  /** Forgets the wrong passwords that were tried for an account. @returns false where there were none */
  unlockAccount(tx: Transaction, email: string): Promise<boolean> {
    return this.repository.deleteGuard(tx, this.#guardKey(email.toLowerCase()));
  }

  /** Deletes the counts of limits that limit nobody any more. */
  purgeLimits(): Promise<void> {
    return this.jobs.purgeInBatches(PURGE_LIMITS_LOCK, (query, after) => this.repository.purgeLimits(query, after));
  }

  /** Deletes the account guards that nobody added to for long. */
  purgeGuards(): Promise<void> {
    return this.jobs.purgeInBatches(PURGE_GUARDS_LOCK, (query, after) => this.repository.purgeGuards(query, after));
  }

  /** Counts and tells that a limit is used up for so long: the problem to refuse with, or undefined in a dry run. */
  limitProblem(policy: LimitPolicy, untilNext: number): Problem | undefined {
    return this.#limitProblem({ name: policy.name, policy, seconds: untilNext, retrySeconds: untilNext });
  }

  /** Attempts refused since the start, by the limit; in a dry run those that would have been. */
  stats(): Readonly<Record<string, number>> {
    return { ...this.#refused };
  }

  #limitProblem({ name: limit, policy: { name, quota, seconds: window }, ...waits }: UsedUp): Problem | undefined {
    this.#refused[limit] = (this.#refused[limit] ?? 0) + 1;
    const [seconds, retry] = [waits.seconds, waits.retrySeconds].map((wait) => Math.max(1, Math.ceil(wait)));
    if (this.#mode === 'dry-run') {
      this.#log.warn({ event: 'would_be_limited', limit, seconds });
      return undefined;
    }
    return tooManyAttempts({
      headers: {
        'retry-after': String(retry),
        'ratelimit-policy': `"${name}";q=${quota};w=${window}`,
        ratelimit: `"${name}";r=0;t=${seconds}`,
      },
      securityEvent: { event: 'too_many_attempts', limit, seconds: Number(seconds) },
    });
  }

  async #admit(kind: AttemptKind, subjects: Partial<Subjects>): Promise<AdmittedAttempt> {
    if (this.#mode === 'off') return UNLIMITED;
    const attempt = this.#attempt(kind, subjects);
    const taken = await this.#consume(attempt);
    return {
      refund: () => this.repository.refund(taken, undefined),
      recordSuccess: async () => {
        await this.repository.settle(taken.charges, attempt.onSuccess);
        return undefined;
      },
    };
  }

  /** A login without a device token. Where its address was refused a moment ago, it is refused again from memory. */
  async #admitStranger(attempt: Attempt, memories: Memories): Promise<AdmittedAttempt> {
    for (const key of Object.values(memories)) {
      const recent = this.#recent.find(key);
      const problem = recent && this.#limitProblem(usedUpOf(recent));
      if (problem !== undefined) throw problem;
    }
    return this.#admitted(attempt, await this.#consume(attempt, memories), memories);
  }

  /** A login from a device that is not known, and is after a success. */
  #admitted({ onSuccess }: Attempt, taken: Taken, memories: Memories = {}): AdmittedAttempt {
    // What is given back frees what was refused because of it.
    const forget = (): void => Object.values(memories).forEach((key) => this.#recent.forget(key));
    return {
      refund: async () => {
        await this.repository.refund(taken, undefined);
        forget();
      },
      recordSuccess: async (userId) => {
        const id = randomUUIDv7();
        const isKnown = await this.repository.settle(taken.charges, onSuccess, { id, userId });
        forget();
        return isKnown ? this.deviceTokens.write(id) : undefined;
      },
    };
  }

  /** Charges an attempt. @throws Problem `too_many_attempts`, and then nothing is charged */
  async #consume(attempt: Attempt, memories: Memories = {}): Promise<Taken> {
    let outcome = await this.repository.consume(attempt);
    for (let race = 1; outcome.kind === 'raced' && race <= MOST_RACES; race++) {
      // What was charged before the limit at which it lost.
      await this.repository.refund(outcome.taken, undefined);
      outcome = race < MOST_RACES ? await this.repository.consume(attempt) : lost(attempt, outcome.taken);
    }
    if (outcome.kind !== 'refused') return outcome.taken;
    const problem = this.#limitProblem(usedUpOf(outcome));
    // A dry run: what would have been refused is charged nothing, and a device that is known stays so.
    if (problem === undefined) return { charges: [], isKnownDevice: outcome.isKnownDevice };
    const key = memories[outcome.limit];
    if (key !== undefined) this.#recent.remember(key, outcome);
    throw problem;
  }

  #attempt(kind: AttemptKind, subjects: Partial<Subjects>): Attempt {
    const { charges, ...rest } = ATTEMPTS[kind];
    const whom = (limit: LimitId): string[] => SUBJECTS[limit].map((subject) => subjects[subject] ?? '');
    const of = ([limit, afterSuccess]: [string, AfterSuccess]): Charge =>
      this.#charge(limit as LimitId, afterSuccess, whom(limit as LimitId));
    const onSuccess = 'onSuccess' in rest ? of([rest.onSuccess, 'stays']) : undefined;
    return { charges: Object.entries(charges).map(of), onSuccess };
  }

  #charge(limit: LimitId, afterSuccess: AfterSuccess, whom: readonly string[]): Charge {
    return { limit, afterSuccess, key: this.keys.keyFor(policyOf(limit, 0).name, ...whom) };
  }

  #guardKey(account: string): Buffer {
    return this.keys.keyFor(ACCOUNT_GUARD.name, account);
  }
}

/** Under what the refusals of a login without a device token are remembered. */
function memoriesOf(client: string, account: string): Memories {
  return { address: client, addressAndAccount: JSON.stringify([client, account]) };
}

/** Others are always quicker: the next try may be looked at. */
function lost({ charges }: Attempt, { charges: taken }: Taken): Outcome {
  const limit = charges[taken.length]?.limit ?? 'account';
  return { kind: 'refused', limit, seconds: 1, retrySeconds: 1, isKnownDevice: false };
}

/** That somebody's sessions are begun so often is told to their known devices alone: to others it would tell that they exist. */
function usedUpOf({ limit, seconds, retrySeconds, isKnownDevice }: Omit<Refused, 'kind'>): UsedUp {
  const isHidden = limit === 'sessionUser' && !isKnownDevice;
  const policy = policyOf(isHidden ? 'account' : limit, seconds);
  return { name: policyOf(limit, seconds).name, policy, seconds, retrySeconds };
}
