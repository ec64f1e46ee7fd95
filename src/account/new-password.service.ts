import { Injectable } from '@nestjs/common';
import type { ClientInfo } from '../http/client-info.js';
import type { OneTimeToken, TokenPurpose } from '../one-time-tokens/one-time-token.js';
import { OneTimeTokensService } from '../one-time-tokens/one-time-tokens.service.js';
import { PasswordsService } from '../passwords/passwords.service.js';
import { RateLimitsService } from '../rate-limits/rate-limits.service.js';
import { LinkUsersService } from './link-users.service.js';

/** A link, and the hash of the password that its owner has chosen. */
export interface ChosenPassword {
  readonly token: OneTimeToken;
  readonly passwordHash: string;
}

/** The new password of who has opened a link. It is hashed before the link is used, outside of the transaction. */
@Injectable()
export class NewPasswordService {
  constructor(
    private readonly tokens: OneTimeTokensService,
    private readonly users: LinkUsersService,
    private readonly passwords: PasswordsService,
    private readonly limits: RateLimitsService,
  ) {}

  /** @throws Problem `mail_token_invalid`, `mail_token_expired`, `too_many_attempts`, or one of the password policy */
  async hashNewPassword(
    purpose: TokenPurpose,
    text: string,
    password: string,
    { client, disconnected }: { readonly client: ClientInfo; readonly disconnected: AbortSignal },
  ): Promise<ChosenPassword> {
    const token = await this.tokens.getToken(text, purpose);
    await this.limits.admitLinkUse(client.address);
    const { email } = await this.users.getLinkUser(token);
    this.passwords.checkNewPassword(password, { email });
    return { token, passwordHash: await this.passwords.hashPassword(password, disconnected) };
  }
}
