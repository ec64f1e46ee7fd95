import { Inject, Injectable } from '@nestjs/common';
import crypto from 'node:crypto';
import { CONFIG, type Config } from '../config/config.js';
import { PrismaService } from '../database/prisma.service.js';
import type { ClientInfo } from '../http/client-info.js';
import type { OneTimeToken, PendingRegistration } from '../one-time-tokens/one-time-token.js';
import { mailTokenInvalid } from '../one-time-tokens/one-time-tokens.problems.js';
import { OneTimeTokensService } from '../one-time-tokens/one-time-tokens.service.js';
import { Problem } from '../problems/problem.js';
import { UserCreationService } from '../users/user-creation.service.js';
import { emailTaken } from '../users/users.problems.js';

/** Makes a registration of `REGISTRATION=verified` a user. */
@Injectable()
export class RegistrationConfirmationService {
  constructor(
    @Inject(CONFIG) private readonly config: Config,
    private readonly prisma: PrismaService,
    private readonly tokens: OneTimeTokensService,
    private readonly creation: UserCreationService,
  ) {}

  /**
   * All other registrations of the address end.
   * @throws Problem `mail_token_invalid`, also where the address has got a user meanwhile or registration was closed, or what `onRegistered` throws
   */
  async makeUser(token: OneTimeToken, registration: PendingRegistration, client: ClientInfo): Promise<void> {
    if (this.config.registration === 'closed') throw mailTokenInvalid();
    const making = this.prisma.transaction(async (tx) => {
      await this.tokens.lockRegistrations(tx, registration.email);
      await this.tokens.useToken(tx, token);
      await this.creation.createVerifiedUser(tx, { ...registration, id: crypto.randomUUIDv7() }, client);
      await this.tokens.endRegistrations(tx, registration.email);
    });
    await making.catch((error: unknown) => {
      const isTaken = error instanceof Problem && error.kind === emailTaken.kind;
      throw isTaken ? mailTokenInvalid({ cause: error }) : error;
    });
  }
}
