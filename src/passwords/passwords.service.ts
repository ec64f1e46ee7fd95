import { randomUUID } from 'node:crypto';
import { Inject, Injectable, Logger, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { CONFIG, type Config } from '../config/config.js';
import type { Problem } from '../problems/problem.js';
import { HashPool, type HashPoolStats } from './hash-pool.js';
import type { HashTask } from './hash-worker-handle.js';
import { isHashablePassword, normalizePassword } from './password-normalization.js';
import { PasswordPolicy, type PasswordOwner } from './password-policy.js';
import { isHashOfCost, type Argon2Cost } from './argon2-cost.js';
import { HashOverloadLog } from './hash-overload-log.js';

/**
 * What a password must be, and its hash. Knows no user. Where a hash is asked for, `gone` aborts when the client has gone, and
 * Problem `service_unavailable` says that it cannot be done in time.
 */
@Injectable()
export class PasswordsService implements OnModuleInit, OnApplicationShutdown {
  readonly #log = new Logger('Passwords');
  readonly #pool: HashPool;
  readonly #policy: PasswordPolicy;
  readonly #cost: Argon2Cost;
  readonly #firstHash: Promise<string>;
  #nobodysHash = '';

  constructor(@Inject(CONFIG) config: Config) {
    this.#policy = new PasswordPolicy(config.passwordMinLength);
    this.#cost = { memoryKib: config.argon2MemoryKib, passes: config.argon2Passes, lanes: config.argon2Lanes };
    const alarm = new HashOverloadLog((line) => this.#log.warn(line));
    this.#pool = new HashPool({
      limit: config.hashConcurrency,
      queueMilliseconds: config.hashQueueMilliseconds,
      onShed: (reason) => alarm.countShed(reason),
    });
    // Already here, so that the thread starts while the application is put together. Nothing else is hashed yet: it finds one
    // whatever the settings say.
    this.#firstHash = this.hashPassword(randomUUID());
    this.#firstHash.catch(() => undefined);
  }

  async onModuleInit(): Promise<void> {
    this.#nobodysHash = await this.#firstHash;
  }

  /** When no request is left. */
  async onApplicationShutdown(): Promise<void> {
    await this.#pool.close();
  }

  /** @throws Problem `password_too_short`, `password_too_long`, `password_common`, `password_contextual` */
  checkNewPassword(password: string, owner: PasswordOwner): void {
    this.#policy.checkPassword(password, owner);
  }

  /** Why a hash that is asked for now would be refused, if it would. Counts as refused. */
  overloadProblem(): Problem | undefined {
    return this.#pool.overloadProblem();
  }

  /** Does what must be known before a hash, unless there will be no time for the hash: then it is refused first. */
  withReservedHash<Result>(before: () => Promise<Result>, disconnected?: AbortSignal): Promise<Result> {
    return this.#pool.withReservedHash(before, disconnected);
  }

  /** Hashes a password that {@link checkNewPassword} let pass. @returns a PHC string */
  async hashPassword(password: string, disconnected?: AbortSignal): Promise<string> {
    return String(await this.#pool.runHash(this.#hashTask(password), disconnected));
  }

  /** {@link hashPassword} for who can do without: undefined unless it can be done at once. */
  async hashPasswordIfIdle(password: string): Promise<string | undefined> {
    try {
      const hash = await this.#pool.runHashIfIdle(this.#hashTask(password));
      return hash?.toString();
    } catch (error) {
      this.#log.warn({ err: error, event: 'rehash_failed' });
      return undefined;
    }
  }

  /**
   * A text that no password can be is wrong at once; that says nothing about any account.
   * @throws {TypeError} when the hash is not argon2's, which is damage in the database and no wrong password
   */
  async verifyPassword(password: string, passwordHash: string, disconnected?: AbortSignal): Promise<boolean> {
    if (!isHashablePassword(password)) return false;
    if (!passwordHash.startsWith('$argon2')) throw new TypeError('The stored password hash is not argon2');
    const task = { kind: 'verify', password: normalizePassword(password), passwordHash } as const;
    return (await this.#pool.runHash(task, disconnected)) === true;
  }

  /** Costs what {@link verifyPassword} costs for a hash of today, so that an unknown address takes as long (ASVS 6.3.8). */
  async verifyDummyHash(password: string, disconnected?: AbortSignal): Promise<false> {
    await this.verifyPassword(password, this.#nobodysHash, disconnected);
    return false;
  }

  /** Whether the hash was written with another type, version, cost or length than today's, higher or lower. */
  needsRehash(passwordHash: string): boolean {
    return !isHashOfCost(passwordHash, this.#cost);
  }

  /** Whether two texts are one password, however they are typed. */
  isSamePassword(one: string, other: string): boolean {
    return normalizePassword(one) === normalizePassword(other);
  }

  /** How many hashes run and wait here, and how many were refused. */
  stats(): HashPoolStats {
    return this.#pool.stats();
  }

  #hashTask(password: string): HashTask {
    if (!isHashablePassword(password)) throw new RangeError('A password is hashed only after it was checked');
    return { kind: 'hash', password: normalizePassword(password), cost: this.#cost };
  }
}
