import { randomUUID } from 'node:crypto';
import { Inject, Injectable, Logger, Optional, type OnApplicationShutdown } from '@nestjs/common';
import { CONFIG, type Config } from '../config/config.js';
import type { Problem } from '../problems/problem.js';
import { HashPool, type HashPoolStats } from './hash-pool.js';
import type { HashTask } from './hash-worker-handle.js';
import { normalizePassword } from './password-normalization.js';
import { isHashablePassword, PasswordPolicy, type PasswordOwner } from './password-policy.js';
import { isHashOfCost, type Argon2Cost } from './argon2-cost.js';
import { HashOverloadLog } from './hash-overload-log.js';
import { grantedHashPermits } from './hash-permit-channel.js';
import { PRIMARY_LINK, type PrimaryLink } from '../workers/primary-link.js';

/** A worker ends the threads that it has for permits which it no longer needs. */
const MAX_IDLE_THREAD_MS = 60_000;

/**
 * Checks, hashes and verifies passwords. Methods that hash take `disconnected`, which aborts when the client
 * disconnects, and throw Problem `service_unavailable` when the hash cannot start in time.
 */
@Injectable()
export class PasswordsService implements OnApplicationShutdown {
  readonly #log = new Logger('Passwords');
  readonly #pool: HashPool;
  readonly #minLength: number;
  readonly #cost: Argon2Cost;
  #policy: PasswordPolicy | undefined;
  /** Of a random password, verified for unknown addresses. */
  #dummyHash = '';

  constructor(@Inject(CONFIG) config: Config, @Optional() @Inject(PRIMARY_LINK) primary?: PrimaryLink) {
    this.#minLength = config.passwordMinLength;
    this.#cost = { memoryKib: config.argon2MemoryKib, passes: config.argon2Passes, lanes: config.argon2Lanes };
    const overloadLog = new HashOverloadLog((line) => this.#log.warn(line));
    this.#pool = new HashPool({
      limit: config.hashConcurrency,
      queueMilliseconds: config.hashQueueMilliseconds,
      onShed: (reason) => overloadLog.countShed(reason),
      ...(primary && {
        permits: grantedHashPermits(config.hashConcurrency, primary),
        maxIdleThreadMs: MAX_IDLE_THREAD_MS,
      }),
    });
  }

  /**
   * Does before the first request what takes long: starts a thread, hashes for {@link verifyDummyHash}, and reads the
   * list of common passwords. Most commands of the operator need none of it.
   */
  async prepare(): Promise<void> {
    const firstHash = this.#pool.runStartupHash(this.#hashTask(randomUUID()));
    firstHash.catch(() => undefined);
    this.#loadPolicy();
    this.#dummyHash = String(await firstHash);
  }

  /** Runs after the last request. */
  async onApplicationShutdown(): Promise<void> {
    await this.#pool.close();
  }

  /** @throws Problem `password_too_short`, `password_too_long`, `password_common`, `password_contextual` */
  checkNewPassword(password: string, owner: PasswordOwner): void {
    this.#loadPolicy().checkPassword(password, owner);
  }

  /** The problem a new hash would fail with now, if any. The caller must send it: it is counted as a refused hash. */
  overloadProblem(): Problem | undefined {
    return this.#pool.overloadProblem();
  }

  /**
   * Runs `lookup`, which a hash follows, and reserves a place for that hash; throws instead if the
   * hash could not start in time.
   */
  withReservedHash<Result>(lookup: () => Promise<Result>, disconnected?: AbortSignal): Promise<Result> {
    return this.#pool.withReservedHash(lookup, disconnected);
  }

  /** Hashes a password that passed {@link checkNewPassword}. @returns a PHC string */
  async hashPassword(password: string, disconnected?: AbortSignal): Promise<string> {
    return String(await this.#pool.runHash(this.#hashTask(password), disconnected));
  }

  /** {@link hashPassword} for an optional hash: undefined unless a thread is idle. */
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
   * False without a hash for a text that cannot be a password; that reveals nothing about an account.
   * @throws {TypeError} when the stored hash is not argon2's: the database is damaged, the password is not wrong
   */
  async verifyPassword(password: string, passwordHash: string, disconnected?: AbortSignal): Promise<boolean> {
    if (!isHashablePassword(password)) return false;
    if (!passwordHash.startsWith('$argon2')) throw new TypeError('The stored password hash is not argon2');
    const task = { kind: 'verify', password: normalizePassword(password), passwordHash } as const;
    return (await this.#pool.runHash(task, disconnected)) === true;
  }

  /**
   * Takes as long as {@link verifyPassword} with a hash of the current cost, so that timing does not reveal an
   * unknown address (ASVS 6.3.8).
   */
  async verifyDummyHash(password: string, disconnected?: AbortSignal): Promise<false> {
    await this.verifyPassword(password, this.#dummyHash, disconnected);
    return false;
  }

  /** Whether the type, version, cost or length of the hash, higher or lower, differs from what is configured. */
  needsRehash(passwordHash: string): boolean {
    return !isHashOfCost(passwordHash, this.#cost);
  }

  /** Whether two texts are the same password once normalized. */
  isSamePassword(one: string, other: string): boolean {
    return normalizePassword(one) === normalizePassword(other);
  }

  /** How many hashes run and wait, and how many were refused. */
  hashStats(): HashPoolStats {
    return this.#pool.hashPoolStats();
  }

  #loadPolicy(): PasswordPolicy {
    return (this.#policy ??= new PasswordPolicy(this.#minLength));
  }

  #hashTask(password: string): HashTask {
    if (!isHashablePassword(password))
      throw new RangeError('A password must pass checkNewPassword before it is hashed');
    return { kind: 'hash', password: normalizePassword(password), cost: this.#cost };
  }
}
