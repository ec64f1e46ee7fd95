import { Injectable } from '@nestjs/common';
import crypto from 'node:crypto';
import type { ClientInfo } from '../http/client-info.js';
import { PasswordsService } from '../passwords/passwords.service.js';
import { refundUnlessChecked } from '../rate-limits/admitted-attempt.js';
import { RateLimitsService } from '../rate-limits/rate-limits.service.js';
import { checkStoredJson, type StoredJson } from './stored-json.js';
import { toUserView, type UserView } from './user-view.js';
import { UserCreationService } from './user-creation.service.js';

/** What a user registers with. */
export interface Registration {
  readonly email: string;
  readonly password: string;
  readonly profile?: StoredJson | undefined;
}

@Injectable()
export class RegistrationService {
  constructor(
    private readonly creation: UserCreationService,
    private readonly passwords: PasswordsService,
    private readonly limits: RateLimitsService,
  ) {}

  /** @throws Problem `email_taken`, `too_many_attempts`, `validation_failed`, or one of the password policy. */
  async registerUser(registration: Registration, client: ClientInfo, disconnected?: AbortSignal): Promise<UserView> {
    const { email, profile = {} } = registration;
    checkStoredJson(profile, '/profile');
    const attempt = await this.limits.admitRegistration(email, client.address);
    return refundUnlessChecked(attempt, () => this.#createUser({ ...registration, profile }, client, disconnected));
  }

  async #createUser(
    { email, password, profile }: Required<Registration> & { readonly profile: StoredJson },
    client: ClientInfo,
    disconnected?: AbortSignal,
  ): Promise<UserView> {
    this.passwords.checkNewPassword(password, { email });
    const passwordHash = await this.passwords.hashPassword(password, disconnected);
    const user = { id: crypto.randomUUIDv7(), email, passwordHash, profile };
    const createdAt = await this.creation.createUser(user, client);
    return toUserView({ ...user, roles: [], createdAt });
  }
}
