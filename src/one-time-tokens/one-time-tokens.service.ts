import { Injectable } from '@nestjs/common';
import crypto from 'node:crypto';
import type { Prisma, Transaction } from '../database/prisma.service.js';
import { OneTimeTokenCodec } from './one-time-token-codec.js';
import {
  RENEWED_BEFORE_SECONDS,
  type NewOneTimeToken,
  type OneTimeToken,
  type PendingRegistration,
  type TokenPurpose,
} from './one-time-token.js';
import { mailTokenExpired, mailTokenInvalid } from './one-time-tokens.problems.js';
import { OneTimeTokensRepository, type LinkRecord } from './one-time-tokens.repository.js';

export type { LinkRecord };

/** Live registrations of one address. */
const MAX_REGISTRATIONS = 3;

/**
 * The tokens in the links of mail: single use, for one purpose, for a limited time. A dump of the database contains none (RT-05). Those of
 * a user are made, used and ended under the lock of the user's row.
 */
@Injectable()
export class OneTimeTokensService {
  constructor(
    private readonly codec: OneTimeTokenCodec,
    private readonly repository: OneTimeTokensRepository,
  ) {}

  /** The text of a token. */
  encodeToken({ purpose, id }: Pick<OneTimeToken, 'purpose' | 'id'>): string {
    return this.codec.encodeToken(purpose, id);
  }

  /**
   * The row of a token of one of these purposes, which is not used by this.
   * @throws Problem `mail_token_invalid` or `mail_token_expired`
   */
  async getToken(text: string, ...purposes: readonly TokenPurpose[]): Promise<OneTimeToken> {
    for (const purpose of purposes) {
      const id = this.codec.decodeToken(purpose, text);
      const token = id === undefined ? undefined : await this.repository.findToken(purpose, id);
      if (token?.state === 'expired') throw mailTokenExpired();
      if (token?.state === 'live') return token;
    }
    throw mailTokenInvalid();
  }

  /** Uses the token up. Of any number of uses at once, one succeeds. @throws Problem `mail_token_invalid` */
  async useToken(tx: Transaction, { id }: OneTimeToken): Promise<void> {
    if (!(await this.repository.useToken(tx, id))) throw mailTokenInvalid();
  }

  /**
   * The user's live token for this address if there is one, so that nobody's request ends another's link (REC-10), or a new one.
   * The caller holds the user's row locked.
   */
  async provideToken(tx: Transaction, token: Omit<NewOneTimeToken, 'id'>): Promise<string> {
    const leftSeconds = Math.min(RENEWED_BEFORE_SECONDS, token.ttlSeconds / 2);
    const live = await this.repository.findLiveToken(tx, token, Math.floor(leftSeconds));
    return live?.id ?? this.addToken(tx, token);
  }

  /** A new token. @returns its id */
  async addToken(tx: Transaction, token: Omit<NewOneTimeToken, 'id'>): Promise<string> {
    const id = crypto.randomUUIDv7();
    await this.repository.insertToken(tx, { ...token, id });
    return id;
  }

  /** Makes the token live for at least this long from now on. */
  extendToken(tx: Transaction, id: string, ttlSeconds: number): Promise<void> {
    return this.repository.extendToken(tx, id, ttlSeconds);
  }

  /** The live token of the user and address. */
  findLiveToken(
    tx: Transaction,
    token: Pick<NewOneTimeToken, 'userId' | 'purpose' | 'email'>,
  ): Promise<OneTimeToken | undefined> {
    return this.repository.findLiveToken(tx, token, 0);
  }

  /** The links of a user, in the order in which they were made, after the given one; at most `size`. */
  listLinksAfter(after: LinkRecord | undefined, userId: string, size: number): Promise<LinkRecord[]> {
    return this.repository.listLinksAfter(after?.id, userId, size);
  }

  /** Whether the token is neither used nor expired. */
  isLive(tx: Transaction, id: string): Promise<boolean> {
    return this.repository.findLiveById(tx, id).then((token) => token !== undefined);
  }

  /** The user of a live token; undefined where it is over. */
  async liveOwnerOf(tx: Transaction, id: string): Promise<string | undefined> {
    return (await this.repository.findLiveById(tx, id))?.userId ?? undefined;
  }

  /** The id of the newest live registration of the address. */
  findNewestRegistration(tx: Transaction, email: string): Promise<string | undefined> {
    return this.repository.findNewestRegistration(tx, email);
  }

  /** Ends the user's tokens of these purposes; those made `since` a token, if one is given. */
  endTokens(tx: Transaction, userId: string, purposes: readonly TokenPurpose[], since?: string): Promise<void> {
    return this.repository.endTokens(tx, userId, purposes, since);
  }

  /** An INSERT as a part of one statement. */
  registrationInsertSql(registration: PendingRegistration): Prisma.Sql {
    return this.repository.registrationInsertSql(registration);
  }

  /** What a live registration needs to become a user. @throws Problem `mail_token_invalid` */
  async getRegistration({ id }: OneTimeToken): Promise<PendingRegistration> {
    const registration = await this.repository.findRegistration(id);
    if (registration === undefined) throw mailTokenInvalid();
    return registration;
  }

  /** Until the transaction ends: those who confirm others wait, and find them ended. */
  lockRegistrations(tx: Transaction, email: string): Promise<void> {
    return this.repository.lockRegistrations(tx, email);
  }

  endRegistrations(tx: Transaction, email: string): Promise<void> {
    return this.repository.endRegistrations(tx, email);
  }

  /**
   * Ends the links of all users, and the registrations that wait, after a restore: some may have been used since the dump. Those by which
   * the owner of an old address undoes a change stay.
   */
  endTokensOfAllUsers(): Promise<number> {
    return this.repository.endTokensOfAllUsers([
      'registration',
      'email_verification',
      'password_reset',
      'email_change',
      'invitation',
    ]);
  }

  /** Ends all but the newest registrations of the address. */
  dropOldRegistrations(tx: Transaction, email: string): Promise<void> {
    return this.repository.keepNewestRegistrations(tx, email, MAX_REGISTRATIONS);
  }

  /** Forgets a registration or a change that cannot be: nobody has its text. */
  deleteToken(tx: Transaction, id: string): Promise<void> {
    return this.repository.deleteToken(tx, id);
  }
}
