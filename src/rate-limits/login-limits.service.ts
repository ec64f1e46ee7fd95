import { Inject, Injectable } from '@nestjs/common';
import { randomUUIDv7 } from 'node:crypto';
import { CONFIG, type Config } from '../config/config.js';
import { UNLIMITED, type AdmittedAttempt } from './admitted-attempt.js';
import { planAttempt, planCharge, type AppliedCharges, type Attempt, type PresentedDevice } from './attempt-charges.js';
import { AttemptChargingService } from './attempt-charging.service.js';
import { DeviceTokens } from './device-tokens.js';
import { clientOf, LimitKeys } from './limit-keys.js';
import { SHARES } from './limit-policies.js';
import { RateLimitsRepository } from './rate-limits.repository.js';

/** A login that asks to be admitted. */
export interface LoginAttempt {
  readonly email: string;
  readonly address: string;
  readonly deviceToken?: string | undefined;
}

/** Admits logins: those of known devices by limits of their own, which strangers cannot use up. */
@Injectable()
export class LoginLimitsService {
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

  /** @throws Problem `too_many_attempts`, alike for accounts that exist and that do not. */
  async admitLogin({ email, address, deviceToken }: LoginAttempt): Promise<AdmittedAttempt> {
    if (this.#isOff) return UNLIMITED;
    const account = email.toLowerCase();
    const client = clientOf(address);
    const share = String(Math.floor(Math.random() * SHARES));
    const attempt = planAttempt(this.keys, 'login', { address: client, account, share });
    const deviceId = deviceToken === undefined ? undefined : this.deviceTokens.decodeDeviceToken(deviceToken);
    if (deviceId !== undefined) return this.#admitDevice(attempt, deviceId, account);
    const refusalKeys = { address: client, addressAndAccount: JSON.stringify([client, account]) };
    return this.#admitStranger({ ...attempt, refusalKeys });
  }

  /** A login with a device token. */
  async #admitDevice(attempt: Attempt, id: string, account: string): Promise<AdmittedAttempt> {
    const device = { id, email: account, onSuccess: planCharge(this.keys, 'sessionUser', 'stays', [id]) };
    const withDevice = { ...attempt, device };
    const applied = await this.charging.chargeAttempt(withDevice);
    if (!applied.isKnownDevice) return this.#admittedStranger(attempt, applied);
    return {
      refund: () => this.charging.refundAttempt(withDevice, applied),
      recordSuccess: () => this.#recordDeviceSuccess(device),
    };
  }

  /** A login without a device token. */
  async #admitStranger(attempt: Attempt): Promise<AdmittedAttempt> {
    return this.#admittedStranger(attempt, await this.charging.chargeAttempt(attempt));
  }

  /** A success makes the device known. */
  #admittedStranger(attempt: Attempt, applied: AppliedCharges): AdmittedAttempt {
    return {
      refund: () => this.charging.refundAttempt(attempt, applied),
      recordSuccess: async (userId) => {
        const id = randomUUIDv7();
        const isKnown = await this.charging.recordSuccess(attempt, applied, { id, userId });
        return isKnown ? this.deviceTokens.encodeDeviceToken(id) : undefined;
      },
    };
  }

  /** The new token is written under the first master secret, which the presented one may not be. */
  async #recordDeviceSuccess({ id, email, onSuccess }: PresentedDevice): Promise<string> {
    await this.repository.recordDeviceSuccess(id, onSuccess, this.keys.guardKeyFor(email));
    return this.deviceTokens.encodeDeviceToken(id);
  }
}
