import { Injectable } from '@nestjs/common';
import { PrismaService, type Transaction } from '../database/prisma.service.js';
import { PasswordsService } from '../passwords/passwords.service.js';
import type { Problem } from '../problems/problem.js';
import { NO_PASSWORD_HASH, type Credential } from './credential.js';
import { credentialsInvalid } from './users.problems.js';
import { UsersRepository } from './users.repository.js';

/**
 * How often a request verifies a password whose hash is replaced during the verification,
 * before it is answered with 503.
 */
export const MAX_VERIFICATIONS = 3;

/** What the work returned that runs only if the password is unchanged. */
export type OutcomeIfUnchanged<Result> =
  | { readonly isUnchanged: true; readonly result: Result }
  | { readonly isUnchanged: false };

/** Whether a password is a user's, and whether it still is when something is done because of it. */
@Injectable()
export class PasswordVerificationService {
  constructor(
    private readonly prisma: PrismaService,
    private readonly repository: UsersRepository,
    private readonly passwords: PasswordsService,
  ) {}

  /**
   * The user with this address and password. Costs one hash also where the address is unknown. A hash of another cost
   * than today's is renewed if a hash thread is idle.
   * @throws Problem `credentials_invalid`.
   */
  async verifyCredentials(email: string, password: string, disconnected?: AbortSignal): Promise<Credential> {
    const lookup = () => this.repository.findCredentialByEmail(email);
    const user = await this.passwords.withReservedHash(lookup, disconnected);
    const isRight = await this.isPasswordOf(user, password, disconnected);
    if (!user || !isRight || user.disabledAt !== null) throw verificationProblem(user, isRight);
    return this.#renewHash(user, password);
  }

  /** The signed-in user with this id, whose current password this is. @throws Problem `credentials_invalid`. */
  async verifyCurrentPassword(userId: string, password: string, disconnected?: AbortSignal): Promise<Credential> {
    const lookup = () => this.repository.findCredentialById(userId);
    const user = await this.passwords.withReservedHash(lookup, disconnected);
    const isRight = user !== null && (await this.isPasswordOf(user, password, disconnected));
    if (!isRight || user.disabledAt !== null) throw verificationProblem(user, isRight);
    return user;
  }

  /** Costs one hash also where there is no hash to compare with. */
  isPasswordOf(
    owner: Pick<Credential, 'passwordHash'> | null,
    password: string,
    disconnected?: AbortSignal,
  ): Promise<boolean> {
    return owner === null || owner.passwordHash === NO_PASSWORD_HASH
      ? this.passwords.verifyDummyHash(password, disconnected)
      : this.passwords.verifyPassword(password, owner.passwordHash, disconnected);
  }

  /**
   * Runs the work with the user's row, locked in its transaction, if the row still has the verified hash. Where
   * another hash has replaced it, nothing is done: verify again.
   * @throws Problem `credentials_invalid` where the user was disabled or deleted meanwhile, and whatever `work` throws
   */
  runIfPasswordUnchanged<Result>(
    verified: Credential,
    work: (tx: Transaction, user: Credential) => Promise<Result>,
  ): Promise<OutcomeIfUnchanged<Result>> {
    return this.prisma.transaction(async (tx) => {
      const user = await this.repository.lockUser(tx, verified.id);
      if (user === undefined || user.disabledAt !== null) throw credentialsInvalid();
      if (user.passwordHash !== verified.passwordHash) return { isUnchanged: false };
      return { isUnchanged: true, result: await work(tx, user) };
    });
  }

  async #renewHash(user: Credential, password: string): Promise<Credential> {
    if (!this.passwords.needsRehash(user.passwordHash)) return user;
    const passwordHash = await this.passwords.hashPasswordIfIdle(password);
    if (passwordHash === undefined) return user;
    const isReplaced = await this.repository.replacePasswordHash(user.id, user.passwordHash, passwordHash);
    return isReplaced ? { ...user, passwordHash } : user;
  }
}

/** The log names the user and the reason; the response names neither. */
function verificationProblem(user: Credential | null, isRight: boolean): Problem {
  const reason = user === null ? 'unknown_address' : isRight ? 'user_disabled' : 'wrong_password';
  const securityEvent = { event: 'credentials_invalid', reason, ...(user && { userId: user.id }) };
  return credentialsInvalid({ securityEvent });
}
