import { Injectable } from '@nestjs/common';
import { PrismaService, type Transaction } from '../database/prisma.service.js';
import type { ClientInfo } from '../http/client-info.js';
import type { OneTimeToken, TokenPurpose } from '../one-time-tokens/one-time-token.js';
import { OneTimeTokensService } from '../one-time-tokens/one-time-tokens.service.js';
import { RateLimitsService } from '../rate-limits/rate-limits.service.js';
import type { Credential } from '../users/credential.js';
import { LinkUsersService } from './link-users.service.js';

/** Links that need nothing but themselves. */
@Injectable()
export class UsedLinksService {
  constructor(
    private readonly prisma: PrismaService,
    private readonly tokens: OneTimeTokensService,
    private readonly users: LinkUsersService,
    private readonly limits: RateLimitsService,
  ) {}

  /**
   * Uses up a link, and does the work in the same transaction, with the user's row locked.
   * @throws Problem `mail_token_invalid`, `mail_token_expired` or `too_many_attempts`, or what the work throws: then it is not used up
   */
  async useLink(
    purpose: TokenPurpose,
    text: string,
    client: ClientInfo,
    work: (tx: Transaction, user: Credential, token: OneTimeToken) => Promise<void>,
  ): Promise<void> {
    const token = await this.tokens.getToken(text, purpose);
    await this.limits.admitLinkUse(client.address);
    await this.prisma.transaction(async (tx) => {
      const user = await this.users.lockLinkUser(tx, token);
      await this.tokens.useToken(tx, token);
      await work(tx, user, token);
    });
  }
}
