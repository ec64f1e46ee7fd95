import { Injectable } from '@nestjs/common';
import type { Principal } from '../access/principal.js';
import type { ClientInfo } from '../http/client-info.js';
import { serviceUnavailable } from '../problems/http-status.problems.js';
import { refundUnlessChecked } from '../rate-limits/admitted-attempt.js';
import { RateLimitsService } from '../rate-limits/rate-limits.service.js';
import { SessionsService } from '../sessions/sessions.service.js';
import { MAX_VERIFICATIONS, PasswordVerificationService } from '../users/password-verification.service.js';
import { credentialsInvalid } from '../users/users.problems.js';
import { PendingEmailChangesService } from './pending-email-changes.service.js';

/** What the caller asks for. */
export interface EmailChangeRequest {
  readonly currentPassword: string;
  readonly newEmail: string;
}

/** Asks for a change of the caller's address, which takes effect when the new one is confirmed. */
@Injectable()
export class EmailChangeRequestService {
  constructor(
    private readonly verification: PasswordVerificationService,
    private readonly sessions: SessionsService,
    private readonly limits: RateLimitsService,
    private readonly pending: PendingEmailChangesService,
  ) {}

  /**
   * Does the same where the address has a user, who is told (ENU-03).
   * @throws Problem `credentials_invalid` or `too_many_attempts`
   */
  async requestEmailChange(
    caller: Principal,
    request: EmailChangeRequest,
    client: ClientInfo,
    disconnected: AbortSignal,
  ): Promise<void> {
    const attempt = await this.limits.admitEmailChange(caller.userId, client.address);
    await refundUnlessChecked(attempt, () => this.#verifyAndRequest(caller, request, client, disconnected));
    await attempt.recordSuccess(caller.userId);
  }

  /** Verifies again where another password hash has replaced the verified one meanwhile. */
  async #verifyAndRequest(
    { userId, sessionId }: Principal,
    { currentPassword, newEmail }: EmailChangeRequest,
    client: ClientInfo,
    disconnected: AbortSignal,
  ): Promise<void> {
    for (let verifications = 0; verifications < MAX_VERIFICATIONS; verifications++) {
      const verified = await this.verification.verifyCurrentPassword(userId, currentPassword, disconnected);
      const { isUnchanged } = await this.verification.runIfPasswordUnchanged(verified, async (tx, user) => {
        // A reset ends it, or a logout elsewhere, while this waits for the user's row (REC-09).
        if (!(await this.sessions.isUnended(tx, sessionId))) throw credentialsInvalid();
        await this.pending.addEmailChange(tx, user, newEmail, client);
      });
      if (isUnchanged) return;
    }
    throw serviceUnavailable();
  }
}
