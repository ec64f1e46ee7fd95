import { Injectable } from '@nestjs/common';
import type { Transaction } from '../database/prisma.service.js';
import { refundUnlessChecked } from '../rate-limits/admitted-attempt.js';
import { RateLimitsService } from '../rate-limits/rate-limits.service.js';
import type { Credential, LoginState } from './credential.js';
import { checkStoredJson, type StoredJson } from './stored-json.js';
import type { UserView } from './user-view.schema.js';
import { toUserView } from './user-view.js';
import { userNotFound } from './users.problems.js';
import { USERS_PER_PAGE, UsersRepository } from './users.repository.js';

/** Looks users up and lists them. */
@Injectable()
export class UsersService {
  constructor(
    private readonly repository: UsersRepository,
    private readonly limits: RateLimitsService,
  ) {}

  /** @throws Problem `user_not_found`. */
  async getUser(id: string): Promise<UserView> {
    const user = await this.repository.findUser(id);
    if (user === null) throw userNotFound();
    return toUserView(user);
  }

  /**
   * Replaces the profile. Only what can be written counts.
   * @throws Problem `validation_failed`, `too_many_attempts` or `user_not_found`.
   */
  async replaceProfile(id: string, profile: StoredJson): Promise<UserView> {
    checkStoredJson(profile, '/profile');
    const attempt = await this.limits.admitProfileChange(id);
    const user = await refundUnlessChecked(attempt, () => this.repository.setProfile(id, profile));
    if (user === undefined) throw userNotFound();
    return toUserView(user);
  }

  /** @throws Problem `user_not_found`. */
  getUserIdByEmail(email: string): Promise<string> {
    return this.repository.getUserIdByEmail(email);
  }

  /** Locks the user's row until the transaction ends; undefined when there is no such user. */
  lockUser(tx: Transaction, id: string): Promise<Credential | undefined> {
    return this.repository.lockUser(tx, id);
  }

  /** What a login needs of the user; null when there is none. */
  findCredential(id: string): Promise<Credential | null> {
    return this.repository.findCredentialById(id);
  }

  /** @throws Problem `user_not_found`. */
  getLoginState(id: string): Promise<LoginState> {
    return this.repository.getLoginState(id);
  }

  /** {@link lockUser} of the user who has this address. */
  lockUserByEmail(tx: Transaction, email: string): Promise<Credential | undefined> {
    return this.repository.lockUserByEmail(tx, email);
  }

  /** Every user in order of registration, read in pages. */
  async *listUsers() {
    let after: string | undefined;
    do {
      const page = await this.repository.listUsers(after);
      yield* page;
      after = page.length === USERS_PER_PAGE ? page.at(-1)?.id : undefined;
    } while (after !== undefined);
  }
}
