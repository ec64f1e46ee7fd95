import { Injectable } from '@nestjs/common';
import crypto from 'node:crypto';
import { AuditService } from '../audit/audit.service.js';
import type { Transaction } from '../database/prisma.service.js';
import { Prisma } from '../database/prisma.service.js';
import { mailTokenInvalid } from '../one-time-tokens/one-time-tokens.problems.js';
import { NO_PASSWORD_HASH, type Credential } from './credential.js';
import type { StoredJson } from './stored-json.js';
import { UserCreationService } from './user-creation.service.js';
import { UserProofsService } from './user-proofs.service.js';
import { emailTaken } from './users.problems.js';
import { UsersRepository } from './users.repository.js';

/** Users whom an operator has invited, and who have no password until they accept. */
@Injectable()
export class InvitedUsersService {
  constructor(
    private readonly repository: UsersRepository,
    private readonly creation: UserCreationService,
    private readonly proofs: UserProofsService,
    private readonly audit: AuditService,
  ) {}

  /** Whether the user has not accepted yet. */
  isInvited({ passwordHash, emailVerified }: Credential): boolean {
    return passwordHash === NO_PASSWORD_HASH && !emailVerified;
  }

  /** The user with this address, who is made unless invited before. @returns the id, and the address as it is stored @throws Problem `email_taken` */
  async inviteUser(tx: Transaction, email: string): Promise<Pick<Credential, 'id' | 'email'>> {
    const present = await this.repository.lockUserByEmail(tx, email);
    if (present !== undefined && !this.isInvited(present)) throw emailTaken();
    const id = present?.id ?? crypto.randomUUIDv7();
    if (present === undefined) {
      const user = { id, email, passwordHash: NO_PASSWORD_HASH, profile: {} };
      await this.repository.insertUser(user, () => [Prisma.sql`SELECT 1`], tx);
    }
    await this.audit.recordEvent(tx, { event: 'user_invited', by: 'operator', userId: id });
    return { id, email: present?.email ?? email };
  }

  /**
   * Runs what the application adds to a new user. The caller holds the user's row locked.
   * @throws Problem `mail_token_invalid`, or what `onRegistered` throws
   */
  async acceptInvitation(
    tx: Transaction,
    user: Credential,
    { passwordHash, profile }: { readonly passwordHash: string; readonly profile: StoredJson | undefined },
  ): Promise<void> {
    // By another link of the invitation.
    if (!this.isInvited(user)) throw mailTokenInvalid();
    await this.repository.setPasswordHash(tx, user.id, passwordHash);
    if (profile !== undefined) await this.repository.setProfile(user.id, profile, tx);
    await this.proofs.verifyEmail(tx, user);
    const { id, email, createdAt } = user;
    await this.creation.runOnRegistered(tx, { id, email, profile: profile ?? {}, createdAt });
  }
}
