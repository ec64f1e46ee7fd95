import { Injectable } from '@nestjs/common';
import { Prisma, PrismaService } from '../database/prisma.service.js';
import type { ClientInfo } from '../http/client-info.js';
import { MailRequestsService } from '../mail/mail-requests.service.js';
import type { PendingRegistration } from '../one-time-tokens/one-time-token.js';
import { OneTimeTokensService } from '../one-time-tokens/one-time-tokens.service.js';

/** Registrations of `REGISTRATION=verified`, which are no users yet. */
@Injectable()
export class PendingRegistrationsService {
  constructor(
    private readonly prisma: PrismaService,
    private readonly tokens: OneTimeTokensService,
    private readonly requests: MailRequestsService,
  ) {}

  /** By the same statement for every address (ENU-03). */
  async addRegistration(registration: PendingRegistration, client: ClientInfo): Promise<void> {
    const { id: tokenId, email } = registration;
    const request = { purpose: 'registration', email, tokenId } as const;
    await this.prisma.$queryRaw(Prisma.sql`
      WITH registration AS (${this.tokens.registrationInsertSql(registration)}),
      request AS (${this.requests.requestInsertSql(request, client)})
      SELECT 1`);
  }
}
