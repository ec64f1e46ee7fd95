import { Injectable } from '@nestjs/common';
import { PrismaService } from '../database/prisma.service.js';
import { serviceUnavailable } from '../problems/framework.problems.js';
import { SessionsService } from '../sessions/sessions.service.js';
import { TokensService, type IssuedToken } from '../tokens/tokens.service.js';
import type { Credential } from '../users/credential.js';
import { credentialsInvalid } from '../users/users.problems.js';
import { UsersService } from '../users/users.service.js';
import type { LoginBody } from './auth.messages.js';

/** How often a sign-in may meet a password that changed while it was being checked. */
const MOST_ATTEMPTS = 3;

@Injectable()
export class AuthService {
  constructor(
    private readonly prisma: PrismaService,
    private readonly users: UsersService,
    private readonly sessions: SessionsService,
    private readonly tokens: TokensService,
  ) {}

  /**
   * Starts a session for the right address and password.
   * @throws Problem `credentials_invalid`, one answer for unknown, wrong and disabled.
   */
  async login({ email, password }: LoginBody): Promise<IssuedToken> {
    for (let attempt = 0; attempt < MOST_ATTEMPTS; attempt++) {
      const user = await this.users.verify(email, password);
      const sessionId = await this.#startSession(user);
      if (sessionId !== undefined) return this.tokens.issue(user, sessionId);
    }
    throw serviceUnavailable();
  }

  /** Under the row's lock, so that no session outlives a ban or password change; undefined when the hash changed. */
  #startSession(verified: Credential): Promise<string | undefined> {
    return this.prisma.transaction(async (tx) => {
      const user = await this.users.lock(tx, verified.id);
      if (user === undefined || user.disabledAt !== null) throw credentialsInvalid();
      if (user.passwordHash !== verified.passwordHash) return undefined;
      return this.sessions.start(tx, user.id);
    });
  }
}
