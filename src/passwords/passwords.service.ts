import { randomUUID } from 'node:crypto';
import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import { CONFIG, type Config } from '../config/config.js';
import * as argon2 from './argon2.js';
import type { HashSlotsStats } from './hash-slots.js';
import { isHashable, normalizePassword } from './normalized-password.js';
import { PasswordPolicy, type PasswordOwner } from './password-policy.js';
import { isOfCost, type Argon2Cost } from './phc.js';

/** What a password must be, and its hash. Knows no user. */
@Injectable()
export class PasswordsService implements OnModuleInit {
  readonly #policy: PasswordPolicy;
  readonly #cost: Argon2Cost;
  #nobodysHash = '';

  constructor(@Inject(CONFIG) config: Config) {
    this.#policy = new PasswordPolicy(config.passwordMinLength);
    this.#cost = { memoryKib: config.argon2MemoryKib, passes: config.argon2Passes, lanes: config.argon2Lanes };
  }

  async onModuleInit(): Promise<void> {
    this.#nobodysHash = await argon2.hash(randomUUID(), this.#cost);
  }

  /** @throws Problem `password_too_short`, `password_too_long`, `password_common`, `password_contextual` */
  check(password: string, owner: PasswordOwner): void {
    this.#policy.check(password, owner);
  }

  /** Hashes a password that {@link check} let pass. @returns a PHC string */
  async hash(password: string): Promise<string> {
    if (!isHashable(password)) throw new RangeError('A password is hashed only after it was checked');
    return argon2.hash(normalizePassword(password), this.#cost);
  }

  /** A text that no password can be is wrong at once; that says nothing about any account. */
  async verify(password: string, passwordHash: string): Promise<boolean> {
    return isHashable(password) && argon2.verify(passwordHash, normalizePassword(password));
  }

  /** Costs what {@link verify} costs for a hash of today, so that an unknown address takes as long (ASVS 6.3.8). */
  async verifyNothing(password: string): Promise<false> {
    await this.verify(password, this.#nobodysHash);
    return false;
  }

  /** Whether the hash was written with another type, version, cost or length than today's, higher or lower. */
  needsRehash(passwordHash: string): boolean {
    return !isOfCost(passwordHash, this.#cost);
  }

  /** How many hashes run and wait in this process. */
  stats(): HashSlotsStats {
    return argon2.stats();
  }
}
