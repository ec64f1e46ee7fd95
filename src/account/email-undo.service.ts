import { Injectable } from '@nestjs/common';
import type { Transaction } from '../database/prisma.service.js';
import type { ClientInfo } from '../http/client-info.js';
import { MailService } from '../mail/mail.service.js';
import { TOKEN_TTL_SECONDS, type OneTimeToken } from '../one-time-tokens/one-time-token.js';
import { mailTokenInvalid } from '../one-time-tokens/one-time-tokens.problems.js';
import { OneTimeTokensService } from '../one-time-tokens/one-time-tokens.service.js';
import { Problem } from '../problems/problem.js';
import { NO_PASSWORD_HASH, type Credential } from '../users/credential.js';
import { UserProofsService } from '../users/user-proofs.service.js';
import { emailTaken } from '../users/users.problems.js';
import { UsedLinksService } from './used-links.service.js';

/**
 * Gives an account back to the owner of the address that it had. Whoever asked for the change knew the password: so it becomes useless, and
 * a mail leads to a new one. Before the change is confirmed, the same cancels it.
 */
@Injectable()
export class EmailUndoService {
  constructor(
    private readonly links: UsedLinksService,
    private readonly tokens: OneTimeTokensService,
    private readonly proofs: UserProofsService,
    private readonly mail: MailService,
  ) {}

  /** @throws Problem `mail_token_invalid`, `mail_token_expired` or `too_many_attempts` */
  async undoEmailChange(text: string, client: ClientInfo): Promise<void> {
    const undoing = this.links.useLink('email_undo', text, client, async (tx, user, token) => {
      await this.#restoreAddress(tx, user, token);
      const restored = { id: user.id, email: token.email };
      await this.proofs.replacePassword(tx, restored, NO_PASSWORD_HASH, { event: 'email_change_undone', by: client });
      // Those of who had the address since.
      await this.tokens.endTokens(tx, user.id, ['email_undo'], token.id);
      await this.#mailNewPassword(tx, restored, client);
    });
    await undoing.catch((error: unknown) => {
      const isTaken = error instanceof Problem && error.kind === emailTaken.kind;
      throw isTaken ? mailTokenInvalid({ cause: error }) : error;
    });
  }

  async #restoreAddress(tx: Transaction, user: Credential, { email }: OneTimeToken): Promise<void> {
    if (user.email.toLowerCase() === email.toLowerCase()) await this.proofs.verifyEmail(tx, user);
    else await this.proofs.changeEmail(tx, user, email);
  }

  async #mailNewPassword(
    tx: Transaction,
    { id: userId, email }: Pick<Credential, 'id' | 'email'>,
    client: ClientInfo,
  ): Promise<void> {
    const ttlSeconds = TOKEN_TTL_SECONDS.password_reset;
    const tokenId = await this.tokens.addToken(tx, { purpose: 'password_reset', userId, email, ttlSeconds });
    const language = this.mail.languageOf(client);
    await this.mail.queueMail(tx, {
      template: 'reset_password_after_undo',
      recipient: email,
      language,
      userId,
      tokenId,
    });
  }
}
