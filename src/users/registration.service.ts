import { Injectable } from '@nestjs/common';
import { randomUUIDv7 } from 'node:crypto';
import type { AuditEvent } from '../audit/audit-events.js';
import { AuditService } from '../audit/audit.service.js';
import type { ClientInfo } from '../http/client-info.js';
import { PasswordsService } from '../passwords/passwords.service.js';
import { refundUnlessChecked } from '../rate-limits/admitted-attempt.js';
import { RateLimitsService } from '../rate-limits/rate-limits.service.js';
import { toUserView, type UserView } from './user-view.js';
import { UsersRepository, type NewUser } from './users.repository.js';

@Injectable()
export class RegistrationService {
  constructor(
    private readonly repository: UsersRepository,
    private readonly passwords: PasswordsService,
    private readonly limits: RateLimitsService,
    private readonly audit: AuditService,
  ) {}

  /** @throws Problem `email_taken`, `too_many_attempts`, or one of the password policy. */
  async registerUser(
    { email, password }: { readonly email: string; readonly password: string },
    client: ClientInfo,
    disconnected?: AbortSignal,
  ): Promise<UserView> {
    const attempt = await this.limits.admitRegistration(email, client.address);
    return refundUnlessChecked(attempt, () => this.#createUser(email, password, client, disconnected));
  }

  async #createUser(
    email: string,
    password: string,
    client: ClientInfo,
    disconnected?: AbortSignal,
  ): Promise<UserView> {
    this.passwords.checkNewPassword(password, { email });
    const passwordHash = await this.passwords.hashPassword(password, disconnected);
    const user = { id: randomUUIDv7(), email, passwordHash };
    const createdAt = await this.#insertUser(user, { event: 'user_registered', by: client, userId: user.id });
    return toUserView({ ...user, createdAt });
  }

  async #insertUser(user: NewUser, registered: AuditEvent): Promise<Date> {
    const createdAt = await this.repository.insertUser(user, (part) => this.audit.eventInsertSql(registered, part));
    this.audit.logEvent(registered);
    return createdAt;
  }
}
