import { Injectable } from '@nestjs/common';
import type { Transaction } from '../database/prisma.service.js';
import type { MailTemplate } from '../mail/mail-templates.js';
import { MailRequestsService, type MailRequest } from '../mail/mail-requests.service.js';
import { MailService } from '../mail/mail.service.js';
import { TOKEN_TTL_SECONDS } from '../one-time-tokens/one-time-token.js';
import { OneTimeTokensService } from '../one-time-tokens/one-time-tokens.service.js';
import type { Credential } from '../users/credential.js';
import { InvitedUsersService } from '../users/invited-users.service.js';
import { UsersService } from '../users/users.service.js';

/** Of links: beyond it the answer is the same, and no mail is sent. */
const LINK_LIMIT = { seconds: 120, perHour: 6 } as const;
/** A new link is made each 20 minutes, and mailed however often the last one was: so a stranger cannot use up the mails of an owner. Six in an hour. */
const RESET_LIMIT = { seconds: 120, perHour: 2, isByLink: true } as const;
/** Of who can read the address only by it: the requests of one account or registration do not keep back those of another. */
const OWN_LINK_LIMIT = { seconds: 120, perHour: 6, isByLink: true, perHourInAll: 20 } as const;
/** Of telling an owner that somebody tries to use the address. */
const TAKEN_LIMIT = { seconds: 86_400 } as const;

/** Does what was asked for an address, after the answer, which was the same for any (ENU-03). Mail goes to the stored address (REC-04). */
@Injectable()
export class MailRequestResolver {
  constructor(
    requests: MailRequestsService,
    private readonly users: UsersService,
    private readonly invited: InvitedUsersService,
    private readonly tokens: OneTimeTokensService,
    private readonly mail: MailService,
  ) {
    requests.onRequest((tx, request) => this.resolveRequest(tx, request));
  }

  async resolveRequest(tx: Transaction, request: MailRequest): Promise<void> {
    const owner = await this.users.lockUserByEmail(tx, request.email);
    if (request.purpose === 'registration') await this.#resolveRegistration(tx, request, owner);
    else if (request.purpose === 'email_change') await this.#resolveEmailChange(tx, request, owner);
    else if (owner === undefined) await this.#remindOfRegistration(tx, request);
    else if (owner.disabledAt === null) await this.#mailOwner(tx, request, owner);
  }

  async #mailOwner(tx: Transaction, { purpose, language }: MailRequest, owner: Credential): Promise<void> {
    if (this.invited.isInvited(owner)) await this.#mailLink(tx, 'invitation', 'accept_invitation', owner, language);
    else if (purpose === 'password_reset') await this.#mailLink(tx, purpose, 'reset_password', owner, language);
    else if (purpose === 'email_verification' && !owner.emailVerified)
      await this.#mailLink(tx, purpose, 'verify_email', owner, language);
  }

  async #mailLink(
    tx: Transaction,
    purpose: 'invitation' | 'password_reset' | 'email_verification',
    template: MailTemplate,
    { id: userId, email }: Credential,
    language: MailRequest['language'],
  ): Promise<void> {
    const ttlSeconds = TOKEN_TTL_SECONDS[purpose];
    const tokenId = await this.tokens.provideToken(tx, { purpose, userId, email, ttlSeconds });
    const limit = purpose === 'password_reset' ? RESET_LIMIT : LINK_LIMIT;
    await this.mail.queueMail(tx, { template, recipient: email, language, userId, tokenId }, limit);
  }

  async #resolveRegistration(
    tx: Transaction,
    { tokenId, email, language }: MailRequest,
    owner: Credential | undefined,
  ): Promise<void> {
    if (tokenId === null) return;
    if (owner !== undefined) {
      await this.tokens.deleteToken(tx, tokenId);
      return this.#tellOwner(tx, owner, language);
    }
    await this.tokens.dropOldRegistrations(tx, email);
    if (!(await this.tokens.isLive(tx, tokenId))) return;
    // The limit `register-account` bounds them.
    await this.mail.queueMail(tx, { template: 'verify_email', recipient: email, language, tokenId });
  }

  async #resolveEmailChange(
    tx: Transaction,
    { tokenId, email, language }: MailRequest,
    owner: Credential | undefined,
  ): Promise<void> {
    const userId = tokenId === null ? undefined : await this.tokens.liveOwnerOf(tx, tokenId);
    if (tokenId === null || userId === undefined) return;
    // The row of the link stays, which nobody can use: its absence would tell the caller by the export that the address is taken.
    if (owner !== undefined && owner.id !== userId) return this.#tellOwner(tx, owner, language);
    // Without the user, who would read in the export what has become of a mail to a stranger.
    const mail = { template: 'confirm_email_change', recipient: email, language, tokenId } as const;
    await this.mail.queueMail(tx, mail, OWN_LINK_LIMIT);
  }

  /** Mails the newest registration's link again. */
  async #remindOfRegistration(tx: Transaction, { purpose, email, language }: MailRequest): Promise<void> {
    if (purpose !== 'email_verification') return;
    const tokenId = await this.tokens.findNewestRegistration(tx, email);
    if (tokenId === undefined) return;
    await this.mail.queueMail(tx, { template: 'verify_email', recipient: email, language, tokenId }, OWN_LINK_LIMIT);
  }

  async #tellOwner(tx: Transaction, owner: Credential, language: MailRequest['language']): Promise<void> {
    if (owner.disabledAt !== null) return;
    const mail = { template: 'address_taken', recipient: owner.email, language, userId: owner.id } as const;
    await this.mail.queueMail(tx, mail, TAKEN_LIMIT);
  }
}
