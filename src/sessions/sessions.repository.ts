import { Injectable } from '@nestjs/common';
import type { Transaction } from '../database/prisma.service.js';

@Injectable()
export class SessionsRepository {
  async insert(tx: Transaction, userId: string): Promise<string> {
    const { id } = await tx.session.create({ data: { userId }, select: { id: true } });
    return id;
  }

  /** Ends the user's oldest live sessions beyond the newest `kept`. */
  async endBeyond(tx: Transaction, userId: string, kept: number): Promise<void> {
    await tx.$executeRaw`
      UPDATE sessions SET ended_at = now()
      WHERE id IN (
        SELECT id FROM sessions
        WHERE user_id = ${userId}::uuid AND ended_at IS NULL
        ORDER BY created_at DESC, id DESC OFFSET ${kept})`;
  }
}
