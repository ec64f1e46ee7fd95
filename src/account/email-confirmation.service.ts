import { Injectable } from '@nestjs/common';
import type { Principal } from '../access/principal.js';
import type { ClientInfo } from '../http/client-info.js';
import type { OneTimeToken } from '../one-time-tokens/one-time-token.js';
import { OneTimeTokensService } from '../one-time-tokens/one-time-tokens.service.js';
import { EmailVerificationService } from './email-verification.service.js';
import { LinkPasswordService } from './link-password.service.js';
import { LinkUsersService } from './link-users.service.js';
import { RegistrationConfirmationService } from './registration-confirmation.service.js';

/** Who confirms an address. */
export interface Confirmation {
  readonly token: string;
  /** Of the registration. */
  readonly password?: string | undefined;
  /** The user of an access token, which stands for the password. */
  readonly caller?: Principal | undefined;
  readonly client: ClientInfo;
  readonly disconnected: AbortSignal;
}

/** Confirms the address of a user, or of a registration that becomes a user by this. */
@Injectable()
export class EmailConfirmationService {
  constructor(
    private readonly tokens: OneTimeTokensService,
    private readonly users: LinkUsersService,
    private readonly passwords: LinkPasswordService,
    private readonly verification: EmailVerificationService,
    private readonly registrations: RegistrationConfirmationService,
  ) {}

  /**
   * Mailbox and password together: who has one of them alone gets nothing (REC-08).
   * @throws Problem `mail_token_invalid`, `mail_token_expired`, `credentials_invalid`, `token_missing` or `too_many_attempts`
   */
  async confirmEmail(confirmation: Confirmation): Promise<void> {
    const { password, caller, client } = confirmation;
    const token = await this.tokens.getToken(confirmation.token, 'email_verification', 'registration');
    if (password === undefined) {
      this.verification.requireOwner(token, caller);
      await this.passwords.admitLinkUse(client);
      await this.verification.verifyEmail(token, client);
    } else if (token.purpose === 'registration') {
      await this.#confirmRegistration(token, password, confirmation);
    } else {
      const user = await this.users.getLinkUser(token);
      await this.passwords.verifyLinkPassword(token, user, password, confirmation);
      await this.verification.verifyEmail(token, client, user);
    }
  }

  async #confirmRegistration(token: OneTimeToken, password: string, confirmation: Confirmation): Promise<void> {
    const registration = await this.tokens.getRegistration(token);
    await this.passwords.verifyLinkPassword(token, registration, password, confirmation);
    await this.registrations.makeUser(token, registration, confirmation.client);
  }
}
