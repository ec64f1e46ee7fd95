import { Inject, Injectable } from '@nestjs/common';
import { CONFIG, type Config } from '../config/config.js';
import type { Transaction } from '../database/prisma.service.js';
import { UNLIMITED, type AdmittedAttempt } from './admitted-attempt.js';
import { planAttempt } from './attempt-charges.js';
import { AttemptChargingService } from './attempt-charging.service.js';
import type { AttemptKind, LimitSubjects } from './attempts.js';
import { DeviceTokens } from './device-tokens.js';
import { clientOf, LimitKeys } from './limit-keys.js';
import { RateLimitsRepository } from './rate-limits.repository.js';

/**
 * Admits all attempts but logins, which {@link LoginLimitsService} admits. An attempt is charged before its secret is
 * checked. Without the database no attempt is admitted: it is 503.
 */
@Injectable()
export class RateLimitsService {
  readonly #isOff: boolean;

  constructor(
    @Inject(CONFIG) config: Config,
    private readonly keys: LimitKeys,
    private readonly deviceTokens: DeviceTokens,
    private readonly charging: AttemptChargingService,
    private readonly repository: RateLimitsRepository,
  ) {
    this.#isOff = config.rateLimits === 'off';
  }

  /** @throws Problem `too_many_attempts` */
  admitPasswordChange(userId: string, address: string): Promise<AdmittedAttempt> {
    return this.#admitAttempt('passwordChange', { userId, address: clientOf(address) });
  }

  /** @throws Problem `too_many_attempts` */
  admitDeletion(userId: string, address: string): Promise<AdmittedAttempt> {
    return this.#admitAttempt('deletion', { userId, address: clientOf(address) });
  }

  /** @throws Problem `too_many_attempts` */
  admitRegistration(email: string, address: string): Promise<AdmittedAttempt> {
    return this.#admitAttempt('registration', { account: email.toLowerCase(), address: clientOf(address) });
  }

  /** @throws Problem `too_many_attempts` */
  admitRefresh(sessionId: string, address: string): Promise<AdmittedAttempt> {
    return this.#admitAttempt('refresh', { sessionId, address: clientOf(address) });
  }

  /** @param sessionId of the session that asks, not of the one it ends @throws Problem `too_many_attempts` */
  admitLogout(sessionId: string): Promise<AdmittedAttempt> {
    return this.#admitAttempt('logout', { sessionId });
  }

  /** Forgets the user's known devices but the one of this token. @returns how many were forgotten */
  forgetDevices(tx: Transaction, userId: string, keptDeviceToken?: string): Promise<number> {
    const keptId = keptDeviceToken === undefined ? undefined : this.deviceTokens.decodeDeviceToken(keptDeviceToken);
    return this.repository.deleteDevices(tx, userId, keptId);
  }

  /** Deletes the count of an account's wrong passwords. @returns false where there was none */
  unlockAccount(tx: Transaction, email: string): Promise<boolean> {
    return this.repository.deleteAccountGuard(tx, this.keys.guardKeyFor(email.toLowerCase()));
  }

  async #admitAttempt(kind: AttemptKind, subjects: Partial<LimitSubjects>): Promise<AdmittedAttempt> {
    if (this.#isOff) return UNLIMITED;
    const attempt = planAttempt(this.keys, kind, subjects);
    const applied = await this.charging.chargeAttempt(attempt);
    return {
      refund: () => this.charging.refundAttempt(attempt, applied),
      recordSuccess: async () => {
        await this.charging.recordSuccess(attempt, applied);
        return undefined;
      },
    };
  }
}
