import { Injectable } from '@nestjs/common';
import type { Transaction } from '../database/prisma.service.js';
import { SessionsRepository } from './sessions.repository.js';

/** One more ends the oldest. */
export const MOST_LIVE_SESSIONS = 100;

@Injectable()
export class SessionsService {
  constructor(private readonly repository: SessionsRepository) {}

  /** Starts a session and returns its id, the `sid` of its tokens. The caller holds the user's row locked. */
  async start(tx: Transaction, userId: string): Promise<string> {
    const id = await this.repository.insert(tx, userId);
    await this.repository.endBeyond(tx, userId, MOST_LIVE_SESSIONS);
    return id;
  }

  /** Ends all of the user's sessions. The caller holds the user's row locked. */
  endAll(tx: Transaction, userId: string): Promise<void> {
    return this.repository.endBeyond(tx, userId, 0);
  }
}
