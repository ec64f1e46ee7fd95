import type { Statements } from '../database/database.js';
import type { StoredJson } from './stored-json.js';

/** A user as `claims` sees it, from one version of the row. */
export interface ClaimsUser {
  readonly id: string;
  readonly email: string;
  /** False until addresses can be verified. */
  readonly emailVerified: boolean;
  readonly roles: readonly string[];
  readonly appData: StoredJson;
  readonly createdAt: Date;
}

/** A user who has just registered. */
export interface RegisteredUser {
  readonly id: string;
  readonly email: string;
  readonly profile: StoredJson;
  readonly createdAt: Date;
}

/** Functions of the application that run where users get tokens, and where they register. */
export interface ApplicationHooks {
  /**
   * Claims that are added to every access token, and are `principal.claims`. Runs at each login and refresh before anything is
   * written; what it throws is 500. Synchronous, and may depend on the user alone: when the application data of the user change,
   * it decides whether tokens from before are refused. At most 768 bytes as JSON, and no name of a standard.
   */
  readonly claims?: ((user: ClaimsUser) => Readonly<Record<string, unknown>>) | undefined;
  /**
   * Runs in the transaction that makes a user by registration, and again after a conflict. What it throws undoes the
   * registration and is the answer. Not for users that the seed makes.
   */
  readonly onRegistered?: ((tx: Statements, user: RegisteredUser) => Promise<void> | void) | undefined;
}

/** Token by which {@link ApplicationHooks} are injected. */
export const APPLICATION_HOOKS = Symbol('application hooks');

/** In place of the hooks in a command, which runs without the application. */
export const UNKNOWN_HOOKS: ApplicationHooks = Object.freeze({});
