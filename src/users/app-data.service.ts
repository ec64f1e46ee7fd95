import { Injectable } from '@nestjs/common';
import { isDeepStrictEqual } from 'node:util';
import type { Actor } from '../audit/audit-events.js';
import { AuditService } from '../audit/audit.service.js';
import { PrismaService, type Transaction } from '../database/prisma.service.js';
import { RevocationsService } from '../revocation/revocations.service.js';
import { ClaimsService, type ClaimsSource } from './claims.service.js';
import { checkStoredJson, type StoredJson } from './stored-json.js';
import { userNotFound } from './users.problems.js';
import { UsersRepository } from './users.repository.js';

/** What the application keeps with a user, and its owner reads in an export alone and cannot write. */
@Injectable()
export class AppDataService {
  constructor(
    private readonly prisma: PrismaService,
    private readonly repository: UsersRepository,
    private readonly revocations: RevocationsService,
    private readonly claims: ClaimsService,
    private readonly audit: AuditService,
  ) {}

  /**
   * Replaces the data as a whole; does nothing where they are the same. Where `claims` then answers otherwise, or it is not
   * known what it answers, every node refuses the user's access tokens within a second, and a refresh gets the next.
   * @throws Problem `user_not_found` or `validation_failed`, and what `claims` throws for the new data
   */
  async replaceAppData(userId: string, appData: StoredJson, by: Actor, tx?: Transaction): Promise<void> {
    checkStoredJson(appData, '/appData');
    await this.prisma.runIn(tx, (inTx) => this.#replaceAppDataIn(inTx, userId, appData, by));
  }

  async #replaceAppDataIn(tx: Transaction, userId: string, appData: StoredJson, by: Actor): Promise<void> {
    const user = await this.repository.lockUser(tx, userId);
    if (user === undefined) throw userNotFound();
    if (isDeepStrictEqual(user.appData, appData)) return;
    const changesTokens = this.#changesTokens(user, appData);
    const version = await this.repository.setAppData(tx, user.id, appData, changesTokens);
    await this.audit.recordEvent(tx, { event: 'app_data_changed', by, userId: user.id });
    if (changesTokens) this.revocations.addUserVersion(tx, user.id, version);
  }

  #changesTokens(user: ClaimsSource, appData: StoredJson): boolean {
    if (!this.claims.areKnown) return true;
    if (!this.claims.isUsed) return false;
    const next = this.claims.claimsOf({ ...user, appData });
    return !isDeepStrictEqual(next, this.#presentClaims(user));
  }

  /** Undefined where `claims` fails for the present data, which these may be written to mend. */
  #presentClaims(user: ClaimsSource): object | undefined {
    try {
      return this.claims.claimsOf(user);
    } catch {
      return undefined;
    }
  }
}
