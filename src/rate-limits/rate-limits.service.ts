import { Inject, Injectable } from '@nestjs/common';
import crypto from 'node:crypto';
import { CONFIG, type Config } from '../config/config.js';
import type { Transaction } from '../database/prisma.service.js';
import { networkOf } from '../http/client-network.js';
import { UNLIMITED, type AdmittedAttempt } from './admitted-attempt.js';
import { planAttempt, planCharge, type AppliedCharges, type Attempt, type PresentedDevice } from './charges.js';
import { ChargingService } from './charging.service.js';
import { DeviceTokens } from './device-tokens.js';
import { clientOf, LimitKeys } from './limit-keys.js';
import { SHARES } from './limit-policies.js';
import type { AttemptKind, LimitSubjects } from './limits-per-attempt.js';
import { RateLimitsRepository, type DeviceRecord } from './rate-limits.repository.js';

export type { DeviceRecord };

/** A login that asks to be admitted. */
export interface LoginAttempt {
  readonly email: string;
  readonly address: string;
  readonly deviceToken?: string | undefined;
}

/**
 * Admits attempts, which are charged before their secret is checked. A known device has limits of its own for its
 * logins, which nobody else can use up. Without the database no attempt is admitted: it is 503.
 */
@Injectable()
export class RateLimitsService {
  readonly #isOff: boolean;

  constructor(
    @Inject(CONFIG) config: Config,
    private readonly keys: LimitKeys,
    private readonly deviceTokens: DeviceTokens,
    private readonly charging: ChargingService,
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
    const planned = planAttempt(this.keys, 'login', { address: client, account, share });
    const device = this.#presentedDevice(account, deviceToken);
    const refusalKeys = { address: client, addressAndAccount: JSON.stringify([client, account]) };
    const attempt = device === undefined ? { ...planned, refusalKeys } : { ...planned, device };
    const applied = await this.charging.chargeAttempt(attempt);
    const isKnown = device !== undefined && applied.isKnownDevice;
    return isKnown ? this.#ofKnownDevice(attempt, applied, device) : this.#ofUnknownDevice(attempt, applied);
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
  admitProfileChange(userId: string): Promise<AdmittedAttempt> {
    return this.#admitAttempt('profileChange', { userId });
  }

  /** @throws Problem `too_many_attempts` */
  admitExport(userId: string): Promise<AdmittedAttempt> {
    return this.#admitAttempt('export', { userId });
  }

  /** @throws Problem `too_many_attempts` */
  admitRegistration(email: string, address: string): Promise<AdmittedAttempt> {
    return this.#admitAttempt('registration', { account: email.toLowerCase(), address: clientOf(address) });
  }

  /** @throws Problem `too_many_attempts` */
  admitEmailChange(userId: string, address: string): Promise<AdmittedAttempt> {
    return this.#admitAttempt('emailChange', { userId, address: clientOf(address) });
  }

  /** A request for mail to any address, known or not. @throws Problem `too_many_attempts` */
  admitMailRequest(email: string, address: string): Promise<AdmittedAttempt> {
    const [account, network] = [email.toLowerCase(), networkOf(address) ?? address];
    return this.#admitAttempt('mailRequest', { account, network, address: clientOf(address) });
  }

  /** @throws Problem `too_many_attempts` */
  admitLinkUse(address: string): Promise<AdmittedAttempt> {
    return this.#admitAttempt('linkUse', { address: clientOf(address) });
  }

  /** Of a link that asks for a password, too. @throws Problem `too_many_attempts` */
  admitLinkPassword(tokenId: string, address: string): Promise<AdmittedAttempt> {
    return this.#admitAttempt('linkPassword', { tokenId, address: clientOf(address) });
  }

  /** @throws Problem `too_many_attempts` */
  admitRefresh(sessionId: string, address: string): Promise<AdmittedAttempt> {
    return this.#admitAttempt('refresh', { sessionId, address: clientOf(address) });
  }

  /** @param sessionId of the session that asks, not of the one it ends @throws Problem `too_many_attempts` */
  admitLogout(sessionId: string): Promise<AdmittedAttempt> {
    return this.#admitAttempt('logout', { sessionId });
  }

  /** The user's known devices in the order of their first logins, after the given one; at most `size`. */
  listDevicesAfter(after: DeviceRecord | undefined, userId: string, size: number): Promise<DeviceRecord[]> {
    return this.repository.listDevicesAfter(after, userId, size);
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

  #presentedDevice(account: string, deviceToken: string | undefined): PresentedDevice | undefined {
    const id = deviceToken === undefined ? undefined : this.deviceTokens.decodeDeviceToken(deviceToken);
    return id === undefined
      ? undefined
      : { id, email: account, onSuccess: planCharge(this.keys, 'sessionUser', 'stays', [id]) };
  }

  #ofKnownDevice(attempt: Attempt, applied: AppliedCharges, device: PresentedDevice): AdmittedAttempt {
    return {
      isKnownDevice: true,
      refund: () => this.charging.refundAttempt(attempt, applied),
      recordSuccess: () => this.#recordDeviceSuccess(device),
    };
  }

  /** A success makes the device known. */
  #ofUnknownDevice(attempt: Attempt, applied: AppliedCharges): AdmittedAttempt {
    return {
      refund: () => this.charging.refundAttempt(attempt, applied),
      recordSuccess: async (userId) => {
        const id = crypto.randomUUIDv7();
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
