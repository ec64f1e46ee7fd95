import type { Abstract, Type } from '@nestjs/common';
import type { Statements } from '../database/database.js';
import type { StoredJson } from './stored-json.js';

/** A user as `claims` sees it, from one version of the row. */
export interface ClaimsUser {
  readonly id: string;
  readonly email: string;
  /** Whether the user has proved to read mail to the address. */
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

/** The providers of the application, by class or token: `providers.get(Users)`. */
export interface Providers {
  /** The first one of all modules. @throws {Error} where there is none, and for one that is not a singleton */
  get<T>(token: Type<T> | Abstract<T> | string | symbol): T;
}

/** Functions of the application that run where users get tokens, and where they register. */
export interface ApplicationHooks {
  /**
   * Claims that are added to every access token, and are `principal.claims`. Runs at each login and refresh before anything is
   * written; what it throws is the answer, 500 unless it is a problem or an `HttpException`. Synchronous, and may depend on the user alone: when the application data of the user change,
   * it decides whether tokens from before are refused. At most 768 bytes as JSON, and no name of a standard.
   */
  readonly claims?: ((user: ClaimsUser) => Readonly<Record<string, unknown>>) | undefined;
  /**
   * Runs in the transaction that makes a user by registration, and again after a conflict. What it throws undoes the
   * registration and is the answer. Not for users that the seed makes.
   */
  readonly onRegistered?:
    | ((tx: Statements, user: RegisteredUser, providers: Providers) => Promise<void> | void)
    | undefined;
}

/** The hooks as services call them: {@link bindHooks} has added the providers. */
export interface BoundHooks extends Pick<ApplicationHooks, 'claims'> {
  readonly onRegistered?: ((tx: Statements, user: RegisteredUser) => Promise<void> | void) | undefined;
}

export function bindHooks({ claims, onRegistered }: ApplicationHooks, providers: Providers): BoundHooks {
  return { claims, onRegistered: onRegistered && ((tx, user) => onRegistered(tx, user, providers)) };
}

/** Token by which {@link BoundHooks} are injected. */
export const APPLICATION_HOOKS = Symbol('application hooks');

/** In place of the hooks in a command, which runs without the application. */
export const UNKNOWN_HOOKS: BoundHooks = Object.freeze({});
