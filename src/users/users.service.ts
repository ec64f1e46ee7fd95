import { Injectable } from '@nestjs/common';
import { randomUUIDv7 } from 'node:crypto';
import type { AuditEvent } from '../audit/audit-events.js';
import { AuditService } from '../audit/audit.service.js';
import { violatedIndex } from '../database/database-errors.js';
import { PrismaService, type Transaction } from '../database/prisma.service.js';
import { PasswordsService } from '../passwords/passwords.service.js';
import { serviceUnavailable } from '../problems/http-status.problems.js';
import type { Problem } from '../problems/problem.js';
import type { Credential } from './credential.js';
import type { UserView } from './user-view.js';
import { credentialsInvalid, emailTaken, userNotFound } from './users.problems.js';
import { UsersRepository } from './users.repository.js';

const PAGE_SIZE = 500;
/** How often one may meet a credential that changed while it was being checked. */
const MOST_ATTEMPTS = 3;

/** One user per address, in lower case. */
const EMAIL_INDEX = 'users_email_lower_key';

@Injectable()
export class UsersService {
  constructor(
    private readonly prisma: PrismaService,
    private readonly repository: UsersRepository,
    private readonly passwords: PasswordsService,
    private readonly audit: AuditService,
  ) {}

  /** @throws Problem `email_taken`, or one of the password policy. */
  async register(email: string, password: string, by: AuditEvent['by'], disconnected?: AbortSignal): Promise<UserView> {
    const user = { id: randomUUIDv7(), email, passwordHash: await this.hashNew(email, password, disconnected) };
    const registered: AuditEvent = { event: 'user_registered', by, userId: user.id };
    try {
      const createdAt = await this.repository.insert(user, (part) => this.audit.eventInsertSql(registered, part));
      this.audit.logEvent(registered);
      return view({ ...user, createdAt });
    } catch (error) {
      throw violatedIndex(error) === EMAIL_INDEX ? emailTaken({ cause: error }) : error;
    }
  }

  /** @throws Problem `user_not_found`. */
  async get(id: string): Promise<UserView> {
    const user = await this.repository.find(id);
    if (user === null) throw userNotFound();
    return view(user);
  }

  /**
   * The user whose address and password these are; costs one hash whoever they are. A hash of an old cost is renewed
   * when there is time for it.
   * @throws Problem `credentials_invalid`.
   */
  async verify(email: string, password: string, disconnected?: AbortSignal): Promise<Credential> {
    const user = await this.passwords.withReservedHash(() => this.repository.findCredential(email), disconnected);
    const isRight = user
      ? await this.passwords.verifyPassword(password, user.passwordHash, disconnected)
      : await this.passwords.verifyDummyHash(password, disconnected);
    if (!user || !isRight || user.disabledAt !== null) throw refused(user, isRight);
    return this.#renewed(user, password);
  }

  /** The caller, whose current password this is. @throws Problem `credentials_invalid`. */
  async verifyCurrent(id: string, password: string, disconnected?: AbortSignal): Promise<Credential> {
    const user = await this.passwords.withReservedHash(() => this.repository.findCredentialById(id), disconnected);
    const isRight = user !== null && (await this.passwords.verifyPassword(password, user.passwordHash, disconnected));
    if (!isRight || user.disabledAt !== null) throw refused(user, isRight);
    return user;
  }

  /** The hash of a new password that the policy lets pass. @throws Problem of the password policy. */
  async hashNew(email: string, password: string, disconnected?: AbortSignal): Promise<string> {
    this.passwords.checkNewPassword(password, { email });
    return this.passwords.hashPassword(password, disconnected);
  }

  /** {@link hashNew} for the place of a password that was verified; undefined when it is the same. @throws Problem of the password policy. */
  async hashOther(
    email: string,
    { current, next }: { readonly current: string; readonly next: string },
    disconnected?: AbortSignal,
  ): Promise<string | undefined> {
    if (!this.passwords.isSamePassword(current, next)) return this.hashNew(email, next, disconnected);
    this.passwords.checkNewPassword(next, { email });
    return undefined;
  }

  /**
   * Verifies a credential, then acts under the lock of its row if it still stands: the user is not gone or disabled, and the
   * hash is the one verified. When another hash has taken its place it verifies once more. What `actAlone` can do in one
   * statement that sees to all this itself needs no transaction; it is undefined when it did nothing.
   * @throws Problem `credentials_invalid`, and whatever `verify` and `act` throw.
   */
  async whileVerified<Verified extends Credential, Result>(
    verify: () => Promise<Verified>,
    act: (tx: Transaction, user: Verified) => Promise<Result>,
    actAlone: (user: Verified) => Promise<Result | undefined> = async () => undefined,
  ): Promise<Result> {
    for (let attempt = 0; attempt < MOST_ATTEMPTS; attempt++) {
      const user = await verify();
      const doneAlone = await actAlone(user);
      if (doneAlone !== undefined) return doneAlone;
      const done = await this.prisma.transaction(async (tx) => {
        const standing = await this.repository.lock(tx, user.id);
        if (standing === undefined || standing.disabledAt !== null) throw credentialsInvalid();
        return standing.passwordHash === user.passwordHash ? { result: await act(tx, user) } : undefined;
      });
      if (done !== undefined) return done.result;
    }
    throw serviceUnavailable();
  }

  /** Sets a password's hash. The caller holds the user's row locked. */
  setPasswordHash(tx: Transaction, id: string, passwordHash: string): Promise<void> {
    return this.repository.setPasswordHash(tx, id, passwordHash);
  }

  /** Locks the user's row; undefined when the user is gone. */
  lock(tx: Transaction, id: string): Promise<Credential | undefined> {
    return this.repository.lock(tx, id);
  }

  /** The id of the user with this address. @throws Problem `user_not_found`. */
  async idOf(email: string): Promise<string> {
    const user = await this.repository.findCredential(email);
    if (user === null) throw userNotFound();
    return user.id;
  }

  /** False where the user was disabled, or was not, before. */
  setDisabled(tx: Transaction, id: string, isDisabled: boolean): Promise<boolean> {
    return this.repository.setDisabled(tx, id, isDisabled);
  }

  delete(tx: Transaction, id: string): Promise<void> {
    return this.repository.delete(tx, id);
  }

  /** Every user in order of registration, read in pages. */
  async *list() {
    let after: string | undefined;
    do {
      const page = await this.repository.page(after, PAGE_SIZE);
      yield* page;
      after = page.length === PAGE_SIZE ? page.at(-1)?.id : undefined;
    } while (after !== undefined);
  }

  async #renewed(user: Credential, password: string): Promise<Credential> {
    if (!this.passwords.needsRehash(user.passwordHash)) return user;
    const passwordHash = await this.passwords.hashPasswordIfIdle(password);
    if (passwordHash === undefined) return user;
    const isRenewed = await this.repository.replaceHash(user.id, user.passwordHash, passwordHash);
    return isRenewed ? { ...user, passwordHash } : user;
  }
}

/** Tells the log of whom it was and what was wrong, and the caller of neither. */
function refused(user: Credential | null, isRight: boolean): Problem {
  const reason = user === null ? 'unknown_address' : isRight ? 'user_disabled' : 'wrong_password';
  const securityEvent = { event: 'credentials_invalid', reason, ...(user && { userId: user.id }) };
  return credentialsInvalid({ securityEvent });
}

function view(user: { id: string; email: string; createdAt: Date }): UserView {
  return { id: user.id, email: user.email, createdAt: user.createdAt.toISOString() };
}
