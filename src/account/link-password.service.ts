import { Injectable } from '@nestjs/common';
import type { ClientInfo } from '../http/client-info.js';
import type { OneTimeToken } from '../one-time-tokens/one-time-token.js';
import { refundUnlessChecked } from '../rate-limits/admitted-attempt.js';
import { RateLimitsService } from '../rate-limits/rate-limits.service.js';
import type { Credential } from '../users/credential.js';
import { PasswordVerificationService } from '../users/password-verification.service.js';
import { credentialsInvalid } from '../users/users.problems.js';

/** The password with which the owner of a link proves to be who registered the address (REC-08). */
@Injectable()
export class LinkPasswordService {
  constructor(
    private readonly verification: PasswordVerificationService,
    private readonly limits: RateLimitsService,
  ) {}

  /** Of a link that needs no password. @throws Problem `too_many_attempts` */
  async admitLinkUse({ address }: ClientInfo): Promise<void> {
    await this.limits.admitLinkUse(address);
  }

  /** @throws Problem `credentials_invalid` or `too_many_attempts` */
  async verifyLinkPassword(
    { id }: OneTimeToken,
    owner: Pick<Credential, 'passwordHash'>,
    password: string,
    { client, disconnected }: { readonly client: ClientInfo; readonly disconnected: AbortSignal },
  ): Promise<void> {
    const attempt = await this.limits.admitLinkPassword(id, client.address);
    await refundUnlessChecked(attempt, async () => {
      if (!(await this.verification.isPasswordOf(owner, password, disconnected))) throw credentialsInvalid();
    });
    await attempt.recordSuccess(id);
  }
}
