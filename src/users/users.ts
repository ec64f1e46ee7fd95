import { Inject, Injectable } from '@nestjs/common';
import type { ApplicationActor } from '../audit/audit-events.js';
import { transactionOf, type Statements } from '../database/database.js';
import type { Transaction } from '../database/prisma.service.js';
import type { ClientInfo } from '../http/client-info.js';
import { AppDataService } from './app-data.service.js';
import type { StoredJson } from './stored-json.js';
import { UserAdministrationService } from './user-administration.service.js';
import { UserRolesService } from './user-roles.service.js';
import { UsersRepository } from './users.repository.js';

/** A user, as the application sees it. */
export interface ApplicationUser {
  readonly id: string;
  readonly email: string;
  readonly emailVerified: boolean;
  readonly roles: readonly string[];
  readonly profile: StoredJson;
  readonly appData: StoredJson;
  readonly createdAt: Date;
  readonly disabledAt: Date | null;
}

/** On whose request the application changes a user, for the audit trail: whose id, and the client of the request (`@Client()`). */
export interface RequestedBy {
  readonly userId?: string | undefined;
  readonly client?: ClientInfo | undefined;
}

/** How the application changes a user. */
export interface UserChange extends RequestedBy {
  /** The transaction (`database.transaction`, `onRegistered`) with which the change commits or is rolled back. */
  readonly tx?: Statements | undefined;
}

/**
 * The users, for the modules of an application. What changes the content of access tokens makes every node refuse the user's
 * tokens within a second with 401 `token_stale`; the sessions go on, and a refresh gets the next token. The
 * audit trail has each change, by the actor `application`, and on whose request if that is given.
 */
@Injectable()
export class Users {
  readonly #repository: UsersRepository;
  readonly #roles: UserRolesService;
  readonly #appData: AppDataService;
  readonly #administration: UserAdministrationService;

  /** Its types name nothing of ours, so that those of the package stand alone. */
  constructor(
    @Inject(UsersRepository) repository: object,
    @Inject(UserRolesService) roles: object,
    @Inject(AppDataService) appData: object,
    @Inject(UserAdministrationService) administration: object,
  ) {
    this.#repository = repository as UsersRepository;
    this.#roles = roles as UserRolesService;
    this.#appData = appData as AppDataService;
    this.#administration = administration as UserAdministrationService;
  }

  /** By id, or by email address in any case; null where there is none. */
  find(user: { readonly id: string } | { readonly email: string }): Promise<ApplicationUser | null> {
    return this.#repository.findApplicationUser(user);
  }

  /**
   * Replaces the application's data of the user, and does nothing where they are the same: a JSON object of at most 4096 bytes, nested at most 8 levels deep.
   * @throws Problem `user_not_found` or `validation_failed`, and what `claims` throws for the new data
   */
  async setAppData(id: string, appData: StoredJson, change?: UserChange): Promise<void> {
    await this.#appData.replaceAppData(id, appData, actorOf(change), txOf(change));
  }

  /** @throws Problem `user_not_found`, or `validation_failed` for what is no role and for more roles than fit. */
  async grant(id: string, role: string, change?: UserChange): Promise<void> {
    await this.#roles.grantRole(id, role, actorOf(change), txOf(change));
  }

  /** @throws Problem `user_not_found` or `validation_failed`. */
  async ungrant(id: string, role: string, change?: UserChange): Promise<void> {
    await this.#roles.ungrantRole(id, role, actorOf(change), txOf(change));
  }

  /** Ends every session of the user and refuses new ones. @throws Problem `user_not_found`. */
  async disable(id: string, change?: UserChange): Promise<void> {
    await this.#administration.disableUserById(id, actorOf(change), txOf(change));
  }
}

function actorOf({ userId, client }: RequestedBy = {}): ApplicationActor {
  return { actor: 'application', userId, client };
}

function txOf({ tx }: UserChange = {}): Transaction | undefined {
  return tx === undefined ? undefined : transactionOf(tx);
}
