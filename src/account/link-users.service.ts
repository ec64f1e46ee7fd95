import { Injectable } from '@nestjs/common';
import type { Transaction } from '../database/prisma.service.js';
import type { OneTimeToken } from '../one-time-tokens/one-time-token.js';
import { mailTokenInvalid } from '../one-time-tokens/one-time-tokens.problems.js';
import type { Credential } from '../users/credential.js';
import { UsersService } from '../users/users.service.js';

/** The user of a link. A link of a user who is disabled, or whose address is another since, is not valid. */
@Injectable()
export class LinkUsersService {
  constructor(private readonly users: UsersService) {}

  /** As the row is now. @throws Problem `mail_token_invalid` */
  async getLinkUser(token: OneTimeToken): Promise<Credential> {
    return requireUser(token, token.userId === null ? null : await this.users.findCredential(token.userId));
  }

  /** {@link getLinkUser}, with the row locked until the transaction ends. */
  async lockLinkUser(tx: Transaction, token: OneTimeToken): Promise<Credential> {
    return requireUser(token, token.userId === null ? undefined : await this.users.lockUser(tx, token.userId));
  }
}

/** These are about another address than the user has. */
const OF_ANOTHER_ADDRESS = new Set(['email_change', 'email_undo']);

function requireUser({ purpose, email }: OneTimeToken, user: Credential | null | undefined): Credential {
  if (!user || user.disabledAt !== null) throw mailTokenInvalid();
  if (!OF_ANOTHER_ADDRESS.has(purpose) && user.email.toLowerCase() !== email.toLowerCase()) throw mailTokenInvalid();
  return user;
}
