import { Injectable } from '@nestjs/common';
import crypto from 'node:crypto';
import type { ClientInfo } from '../http/client-info.js';
import { PasswordsService } from '../passwords/passwords.service.js';
import { refundUnlessChecked } from '../rate-limits/admitted-attempt.js';
import { RateLimitsService } from '../rate-limits/rate-limits.service.js';
import { PendingRegistrationsService } from './pending-registrations.service.js';
import { checkStoredJson, type StoredJson } from './stored-json.js';
import type { UserView } from './user-view.schema.js';
import { toUserView } from './user-view.js';
import { UserCreationService } from './user-creation.service.js';

/** What a user registers with. */
export interface Registration {
  readonly email: string;
  readonly password: string;
  readonly profile?: StoredJson | undefined;
}

interface HashedRegistration {
  readonly id: string;
  readonly email: string;
  readonly passwordHash: string;
  readonly profile: StoredJson;
}

@Injectable()
export class RegistrationService {
  constructor(
    private readonly creation: UserCreationService,
    private readonly pending: PendingRegistrationsService,
    private readonly passwords: PasswordsService,
    private readonly limits: RateLimitsService,
  ) {}

  /** @throws Problem `email_taken`, `too_many_attempts`, `validation_failed`, or one of the password policy. */
  registerUser(registration: Registration, client: ClientInfo, disconnected?: AbortSignal): Promise<UserView> {
    return this.#register(registration, client, disconnected, async (user) =>
      toUserView({ ...user, emailVerified: false, ...(await this.creation.createUser(user, client)) }),
    );
  }

  /**
   * Keeps a registration until the owner of the address confirms it. Does the same where the address has a user, who is told.
   * @throws Problem `too_many_attempts`, `validation_failed`, or one of the password policy.
   */
  requestRegistration(registration: Registration, client: ClientInfo, disconnected?: AbortSignal): Promise<void> {
    return this.#register(registration, client, disconnected, (user) => this.pending.addRegistration(user, client));
  }

  async #register<Result>(
    { email, password, profile = {} }: Registration,
    client: ClientInfo,
    disconnected: AbortSignal | undefined,
    store: (user: HashedRegistration) => Promise<Result>,
  ): Promise<Result> {
    checkStoredJson(profile, '/profile');
    const attempt = await this.limits.admitRegistration(email, client.address);
    return refundUnlessChecked(attempt, async () => {
      this.passwords.checkNewPassword(password, { email });
      const passwordHash = await this.passwords.hashPassword(password, disconnected);
      return store({ id: crypto.randomUUIDv7(), email, passwordHash, profile });
    });
  }
}
