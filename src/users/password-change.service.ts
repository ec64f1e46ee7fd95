import { Injectable } from '@nestjs/common';
import type { Principal } from '../access/principal.js';
import type { Transaction } from '../database/prisma.service.js';
import type { ClientInfo } from '../http/client-info.js';
import { MailService } from '../mail/mail.service.js';
import { PasswordsService } from '../passwords/passwords.service.js';
import { serviceUnavailable } from '../problems/http-status.problems.js';
import { refundUnlessChecked } from '../rate-limits/admitted-attempt.js';
import { RateLimitsService } from '../rate-limits/rate-limits.service.js';
import { MAX_VERIFICATIONS, PasswordVerificationService } from './password-verification.service.js';
import { UserProofsService } from './user-proofs.service.js';

/** A change of the caller's password. */
export interface PasswordChange {
  readonly current: string;
  readonly next: string;
  readonly client: ClientInfo;
  /** Of the device that stays known; all others are forgotten. */
  readonly deviceToken?: string | undefined;
}

@Injectable()
export class PasswordChangeService {
  constructor(
    private readonly proofs: UserProofsService,
    private readonly verification: PasswordVerificationService,
    private readonly passwords: PasswordsService,
    private readonly limits: RateLimitsService,
    private readonly mail: MailService,
  ) {}

  /**
   * Changes the caller's password and ends their other sessions; the one that asks goes on.
   * @throws Problem `credentials_invalid` for a wrong current password, `too_many_attempts`,
   *   or one of the password policy.
   */
  async changePassword(caller: Principal, change: PasswordChange, disconnected?: AbortSignal): Promise<void> {
    const attempt = await this.limits.admitPasswordChange(caller.userId, change.client.address);
    await refundUnlessChecked(attempt, () => this.#verifyAndChange(caller, change, disconnected));
    await attempt.recordSuccess(caller.userId);
  }

  /** Verifies again where another password hash has replaced the verified one meanwhile. */
  async #verifyAndChange(caller: Principal, change: PasswordChange, disconnected?: AbortSignal): Promise<void> {
    for (let verifications = 0; verifications < MAX_VERIFICATIONS; verifications++) {
      const user = await this.verification.verifyCurrentPassword(caller.userId, change.current, disconnected);
      const hash = await this.#hashNewPassword(user.email, change, disconnected);
      const store = (tx: Transaction) => this.#storeChange(tx, caller, change, hash);
      const { isUnchanged } = await this.verification.runIfPasswordUnchanged(user, store);
      if (isUnchanged) return;
    }
    throw serviceUnavailable();
  }

  /** Undefined when the new password is the current one. @throws Problem of the password policy. */
  async #hashNewPassword(
    email: string,
    { current, next }: PasswordChange,
    disconnected?: AbortSignal,
  ): Promise<string | undefined> {
    this.passwords.checkNewPassword(next, { email });
    return this.passwords.isSamePassword(current, next) ? undefined : this.passwords.hashPassword(next, disconnected);
  }

  /** Records the change unless nothing changed. The caller holds the user's row locked. */
  async #storeChange(
    tx: Transaction,
    { userId, sessionId }: Principal,
    { client, deviceToken }: PasswordChange,
    hash: string | undefined,
  ): Promise<void> {
    await this.proofs.changeOwnPassword(tx, { userId, sessionId, hash, deviceToken, client });
    if (hash !== undefined) await this.mail.queueNotice(tx, 'password_changed', userId, client);
  }
}
