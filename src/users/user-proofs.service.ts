import { Injectable } from '@nestjs/common';
import type { Actor } from '../audit/audit-events.js';
import type { Transaction } from '../database/prisma.service.js';
import type { ClientInfo } from '../http/client-info.js';
import type { TokenPurpose } from '../one-time-tokens/one-time-token.js';
import { OneTimeTokensService } from '../one-time-tokens/one-time-tokens.service.js';
import { RateLimitsService } from '../rate-limits/rate-limits.service.js';
import { RevocationsService } from '../revocation/revocations.service.js';
import { SessionsService } from '../sessions/sessions.service.js';
import type { Credential } from './credential.js';
import { UsersRepository } from './users.repository.js';

/** Links that are good for nothing once the account is in other hands. The undo links of earlier owners stay. */
const ENDED_WITH_SESSIONS: readonly TokenPurpose[] = [
  'password_reset',
  'email_change',
  'email_verification',
  'invitation',
];

interface OwnPasswordChange {
  readonly userId: string;
  readonly sessionId: string;
  readonly hash: string | undefined;
  readonly deviceToken: string | undefined;
  readonly client: ClientInfo;
}

/** Changes of a user by somebody who has proved something. The caller holds the user's row locked. */
@Injectable()
export class UserProofsService {
  constructor(
    private readonly repository: UsersRepository,
    private readonly sessions: SessionsService,
    private readonly limits: RateLimitsService,
    private readonly tokens: OneTimeTokensService,
    private readonly revocations: RevocationsService,
  ) {}

  /** @returns false where it was verified already */
  async verifyEmail(tx: Transaction, { id }: Pick<Credential, 'id'>): Promise<boolean> {
    const version = await this.repository.setEmailVerified(tx, id);
    if (version === undefined) return false;
    this.revocations.addUserVersion(tx, id, version);
    await this.tokens.endTokens(tx, id, ['email_verification']);
    return true;
  }

  /** To an address that is verified. @throws Problem `email_taken` */
  async changeEmail(tx: Transaction, { id }: Pick<Credential, 'id'>, email: string): Promise<void> {
    const version = await this.repository.setEmail(tx, id, email);
    this.revocations.addUserVersion(tx, id, version);
    // They are about the old address.
    await this.tokens.endTokens(tx, id, ['password_reset', 'email_change', 'email_verification']);
  }

  /**
   * Replaces the password of a user who goes on with this session and device, and ends the others and what waits for a link. Records the
   * change unless nothing changed.
   * @param change without a hash the password stays as it is
   */
  async changeOwnPassword(
    tx: Transaction,
    { userId, sessionId, hash, deviceToken, client }: OwnPasswordChange,
  ): Promise<void> {
    if (hash !== undefined) {
      await this.repository.setPasswordHash(tx, userId, hash);
      await this.tokens.endTokens(tx, userId, ['password_reset', 'email_change']);
    }
    const forgottenDevices = await this.limits.forgetDevices(tx, userId, deviceToken);
    await this.sessions.endSessionsOfUser(tx, sessionId, {
      event: { event: 'password_changed', by: client, userId },
      isRecordedIfNone: hash !== undefined || forgottenDevices > 0,
    });
  }

  /** Ends what waits for a link; what undoes a change of address stays. */
  endLinks(tx: Transaction, userId: string): Promise<void> {
    return this.tokens.endTokens(tx, userId, ENDED_WITH_SESSIONS);
  }

  /**
   * Replaces the password and ends whatever an intruder may have prepared (REC-09): sessions, known devices and links, also the count
   * of wrong passwords.
   */
  async replacePassword(
    tx: Transaction,
    { id, email }: Pick<Credential, 'id' | 'email'>,
    passwordHash: string,
    { event, by }: { readonly event: 'password_reset' | 'email_change_undone'; readonly by: Actor },
  ): Promise<void> {
    await this.repository.setPasswordHash(tx, id, passwordHash);
    await this.limits.forgetDevices(tx, id);
    await this.limits.unlockAccount(tx, email);
    await this.endLinks(tx, id);
    await this.sessions.endSessionsOfUser(tx, null, { event: { event, by, userId: id }, isRecordedIfNone: true });
  }
}
