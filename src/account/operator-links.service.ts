import { Inject, Injectable } from '@nestjs/common';
import { CONFIG, type Config } from '../config/config.js';
import type { Transaction } from '../database/prisma.service.js';
import { mailLink } from '../mail/mail-links.js';
import { MailService } from '../mail/mail.service.js';
import { TOKEN_TTL_SECONDS } from '../one-time-tokens/one-time-token.js';
import { OneTimeTokensService } from '../one-time-tokens/one-time-tokens.service.js';
import type { Credential } from '../users/credential.js';

const TEMPLATES = { password_reset: 'reset_password_by_operator', invitation: 'accept_invitation' } as const;

/** Links that an operator hands out. */
@Injectable()
export class OperatorLinksService {
  constructor(
    @Inject(CONFIG) private readonly config: Config,
    private readonly tokens: OneTimeTokensService,
    private readonly mail: MailService,
  ) {}

  /**
   * Mails a new link in `DEFAULT_LANGUAGE`, also to an address that the mail server has refused. @returns the link where there is no mail, for the operator to hand out
   */
  async provideLink(
    tx: Transaction,
    purpose: keyof typeof TEMPLATES,
    { id: userId, email }: Pick<Credential, 'id' | 'email'>,
  ): Promise<string | undefined> {
    const language = this.config.defaultLanguage;
    const tokenId = await this.tokens.addToken(tx, { purpose, userId, email, ttlSeconds: TOKEN_TTL_SECONDS[purpose] });
    await this.mail.endRefusals(tx, email);
    const mail = { template: TEMPLATES[purpose], recipient: email, language, userId, tokenId };
    if (await this.mail.queueMail(tx, mail)) return undefined;
    return mailLink(this.config, purpose, this.tokens.encodeToken({ purpose, id: tokenId }), language);
  }
}
