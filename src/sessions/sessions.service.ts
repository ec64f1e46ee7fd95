import { Injectable } from '@nestjs/common';
import crypto from 'node:crypto';
import type { AuditEvent } from '../audit/audit-events.js';
import { AuditService } from '../audit/audit.service.js';
import { PrismaService, type Transaction } from '../database/prisma.service.js';
import type { ClientInfo } from '../http/client-info.js';
import { sessionClientOf } from './session-client.js';
import { RefreshTokenCodec } from './refresh-token-codec.js';
import { RevocationsService } from '../revocation/revocations.service.js';
import { MAX_SESSIONS_PER_USER } from './session-limits.js';
import { SessionsRepository, type SessionRecord, type SessionRow } from './sessions.repository.js';

export type { SessionRecord };

/** A session and its current refresh token. */
export interface SessionTokens {
  readonly sessionId: string;
  readonly refreshToken: string;
}

/** Why the sessions of a user end. */
export interface EndOfSessions {
  readonly event: AuditEvent & { readonly userId: string };
  /** Whether the event is recorded when there was no session to end. */
  readonly isRecordedIfNone: boolean;
  /** The new version of the user's row, where the cause has raised it. */
  readonly version?: number | undefined;
  /** Runs between the end of the sessions and the event; for a deletion of the user, which deletes the sessions too. */
  readonly beforeRecord?: () => Promise<void>;
}

@Injectable()
export class SessionsService {
  constructor(
    private readonly prisma: PrismaService,
    private readonly repository: SessionsRepository,
    private readonly refreshTokens: RefreshTokenCodec,
    private readonly revocations: RevocationsService,
    private readonly audit: AuditService,
  ) {}

  /**
   * Starts a session; its id is the `sid` of its tokens. Over {@link MAX_SESSIONS_PER_USER}, the user's oldest sessions
   * end. The caller holds the user's row locked.
   */
  async startSession(tx: Transaction, userId: string, client: ClientInfo): Promise<SessionTokens> {
    const id = crypto.randomUUIDv7();
    await this.repository.insertSession(tx, { id, userId, ...sessionClientOf(client) });
    await this.audit.recordEvent(tx, { event: 'session_started', by: client, userId, sessionId: id });
    const displaced = await this.repository.markOldestSessionsEnded(tx, userId, id, MAX_SESSIONS_PER_USER - 1);
    for (const sessionId of displaced) {
      await this.audit.recordEvent(tx, { event: 'session_displaced', by: client, userId, sessionId });
    }
    this.revocations.addRevocations(tx, 'sid', displaced);
    return this.#firstTokensOf(id);
  }

  /**
   * {@link startSession} in one statement, without a transaction, for a user whose row has this version and password
   * hash.
   * @returns undefined, and nothing is written, when the user was changed meanwhile, is locked by another transaction
   * or has many sessions: then use {@link startSession}
   */
  async tryStartSession(
    {
      id: userId,
      passwordHash,
      version,
    }: { readonly id: string; readonly passwordHash: string; readonly version: number },
    client: ClientInfo,
  ): Promise<SessionTokens | undefined> {
    const id = crypto.randomUUIDv7();
    const started: AuditEvent = { event: 'session_started', by: client, userId, sessionId: id };
    const session = { id, userId, passwordHash, version, ...sessionClientOf(client) };
    const isStarted = await this.repository.insertSessionIfAllowed(session, (cte) =>
      this.audit.eventInsertSql(started, cte),
    );
    if (!isStarted) return undefined;
    this.audit.logEvent(started);
    return this.#firstTokensOf(id);
  }

  /**
   * Ends a session, only of this user if one is given.
   * @returns false when no session has this id or it has ended already
   */
  endSession(sessionId: string, client: ClientInfo, userId?: string): Promise<boolean> {
    return this.endSessionFor({ event: 'session_ended', by: client }, sessionId, userId);
  }

  /** {@link endSession}, with an event that says why, and what else belongs to it. */
  endSessionFor(
    event: AuditEvent,
    id: string,
    ofUser?: string,
    also?: (tx: Transaction) => Promise<void>,
  ): Promise<boolean> {
    return this.prisma.transaction(async (tx) => {
      const ended = await this.repository.markSessionEnded(tx, id, ofUser);
      if (ended === undefined) return false;
      await this.audit.recordEvent(tx, { ...event, ...ended });
      this.revocations.addRevocations(tx, 'sid', [ended.sessionId]);
      await also?.(tx);
      return true;
    });
  }

  /**
   * Ends all sessions of the user, or all but the kept one, records the event with their number, and revokes their
   * access tokens. The caller holds the user's row locked.
   */
  async endSessionsOfUser(
    tx: Transaction,
    keptId: string | null,
    { event, isRecordedIfNone, version, beforeRecord }: EndOfSessions,
  ): Promise<void> {
    const endedIds = await this.repository.markUserSessionsEnded(tx, event.userId, keptId);
    await beforeRecord?.();
    // Whether or not there was a session to end: the tokens of those that ended before are outdated, too.
    if (version !== undefined) this.revocations.addUserVersion(tx, event.userId, version);
    if (endedIds.length === 0 && !isRecordedIfNone) return;
    await this.audit.recordEvent(tx, { ...event, details: { endedSessions: endedIds.length } });
    this.revocations.addRevocations(tx, 'sid', endedIds);
  }

  /** Whether the session has not ended, as of the last commit. */
  isUnended(tx: Transaction, id: string): Promise<boolean> {
    return this.repository.isUnended(tx, id);
  }

  /** Whether {@link endSessionsOfUser} would end any. */
  hasOtherSessions(userId: string, keptId: string | null): Promise<boolean> {
    return this.repository.hasUnendedSessions(userId, keptId);
  }

  /**
   * Ends every session of every user, batch by batch, and returns how many. Revokes no access token: the caller
   * replaces the signing keys afterwards.
   */
  async endSessionsOfAllUsers(): Promise<number> {
    let count = 0;
    for (let after: string | undefined; ;) {
      const ended = await this.prisma.transaction((tx) => this.repository.markNextBatchEnded(tx, after));
      if (ended === undefined) return count;
      count += ended.count;
      after = ended.lastId;
    }
  }

  /** The user's live sessions, newest first. */
  listSessions(userId: string, after: string | undefined, size: number): Promise<SessionRow[]> {
    return this.repository.listLiveSessions(userId, after, size);
  }

  /** The user's sessions, ended ones included, in the order of their logins, after the given one; at most `size`. */
  listSessionsAfter(after: SessionRecord | undefined, userId: string, size: number): Promise<SessionRecord[]> {
    return this.repository.listSessionsAfter(after, userId, size);
  }

  /** Seconds since the login, on the database's clock; undefined where the user has no such session or it has ended. */
  findLoginAgeSeconds(sessionId: string, userId: string): Promise<number | undefined> {
    return this.repository.findLoginAgeSeconds(sessionId, userId);
  }

  #firstTokensOf(sessionId: string): SessionTokens {
    return { sessionId, refreshToken: this.refreshTokens.encodeRefreshToken({ sessionId, counter: 0 }) };
  }
}
