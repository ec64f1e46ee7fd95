import { Injectable } from '@nestjs/common';
import { Prisma, type Transaction } from '../database/prisma.service.js';
import type { Language } from '../config/languages.js';
import type { TokenPurpose } from '../one-time-tokens/one-time-token.js';

/** Somebody asks for a mail to an address, which may be anybody's. */
export interface MailRequest {
  readonly id: string;
  readonly purpose: TokenPurpose;
  /** As typed. */
  readonly email: string;
  readonly language: Language;
  /** Of a registration or a change of address. */
  readonly tokenId: string | null;
}

@Injectable()
export class MailRequestsRepository {
  /** The same statement for every address. */
  insertSql({ id, purpose, email, language, tokenId }: MailRequest): Prisma.Sql {
    return Prisma.sql`
      INSERT INTO mail_requests (id, purpose, email, language, token_id)
      SELECT ${id}::uuid, ${purpose}::one_time_token_purpose, ${email}, ${language}, ${tokenId}::uuid`;
  }

  /** Deletes the oldest request after this one that nobody else is at, and returns it. Those of more than an hour ago are left to the purge. */
  async takeRequest(tx: Transaction, after: string | undefined): Promise<MailRequest | undefined> {
    const isAfter = after === undefined ? Prisma.sql`true` : Prisma.sql`id > ${after}::uuid`;
    const [row] = await tx.$queryRaw<MailRequest[]>`
      DELETE FROM mail_requests WHERE id = ANY(ARRAY(
        SELECT id FROM mail_requests WHERE ${isAfter} AND created_at > now() - interval '1 hour'
        ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED))
      RETURNING id, purpose::text, email, language, token_id AS "tokenId"`;
    return row;
  }

  /** As after a restore, or when there was no mail for a while: nobody waits for them any more. */
  async deleteOldRequests(tx: Pick<Transaction, '$executeRaw'>): Promise<void> {
    await tx.$executeRaw`DELETE FROM mail_requests WHERE created_at <= now() - interval '1 hour'`;
  }

  async deleteRequest(tx: Pick<Transaction, '$executeRaw'>, id: string): Promise<void> {
    await tx.$executeRaw`DELETE FROM mail_requests WHERE id = ${id}::uuid`;
  }
}
