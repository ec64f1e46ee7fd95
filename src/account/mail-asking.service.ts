import { Injectable } from '@nestjs/common';
import type { ClientInfo } from '../http/client-info.js';
import { MailRequestsService } from '../mail/mail-requests.service.js';
import { refundUnlessChecked } from '../rate-limits/admitted-attempt.js';
import { RateLimitsService } from '../rate-limits/rate-limits.service.js';

/** Asks for a mail to an address, which may be anybody's: the same is done, and limited, for every address (ENU-03). */
@Injectable()
export class MailAskingService {
  constructor(
    private readonly requests: MailRequestsService,
    private readonly limits: RateLimitsService,
  ) {}

  /** @throws Problem `too_many_attempts` */
  async askForMail(purpose: 'email_verification' | 'password_reset', email: string, client: ClientInfo): Promise<void> {
    const attempt = await this.limits.admitMailRequest(email, client.address);
    await refundUnlessChecked(attempt, () => this.requests.addRequest({ purpose, email }, client));
  }
}
