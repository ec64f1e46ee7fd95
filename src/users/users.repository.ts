import { Injectable } from '@nestjs/common';
import { violatedIndex } from '../database/database-errors.js';
import { Prisma, PrismaService, type Transaction } from '../database/prisma.service.js';
import { NO_PASSWORD_HASH, type Credential, type LoginState } from './credential.js';
import type { StoredJson } from './stored-json.js';
import type { UserRow } from './user-view.js';
import { emailTaken, userNotFound } from './users.problems.js';

const IDENTITY = { id: true, email: true } as const;
const CREDENTIAL = {
  ...IDENTITY,
  emailVerifiedAt: true,
  passwordHash: true,
  disabledAt: true,
  roles: true,
  version: true,
  appData: true,
  createdAt: true,
} as const;
const VIEW = { ...IDENTITY, createdAt: true, emailVerifiedAt: true, roles: true, profile: true } as const;
const UUID = /^[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$/i;
/** One user per address, in lower case. */
const EMAIL_INDEX = 'users_email_lower_key';

export interface NewUser {
  readonly id: string;
  readonly email: string;
  readonly passwordHash: string;
  readonly profile: StoredJson;
  /** False where it is left out. */
  readonly emailVerified?: boolean;
}

export interface ListedUser {
  readonly id: string;
  readonly email: string;
  readonly createdAt: Date;
  readonly state: LoginState;
}

const LOGIN_STATE = Prisma.sql`
  CASE WHEN disabled_at IS NOT NULL THEN 'disabled' WHEN password_hash <> ${NO_PASSWORD_HASH} THEN 'enabled'
       WHEN email_verified_at IS NULL THEN 'invited' ELSE 'no-password' END`;

export const USERS_PER_PAGE = 500;

function isUserId(id: unknown): id is string {
  return typeof id === 'string' && UUID.test(id);
}

function withVerified<Row extends { readonly emailVerifiedAt: Date | null }>({ emailVerifiedAt, ...row }: Row) {
  return { ...row, emailVerified: emailVerifiedAt !== null };
}

/** Selects columns explicitly, so that the password hash is read only into a {@link Credential}. */
@Injectable()
export class UsersRepository {
  constructor(private readonly prisma: PrismaService) {}

  /**
   * Inserts the user in one statement with what belongs to it, in the transaction if there is one.
   * @param belongings INSERTs, given the name of the CTE that has a row if the user was inserted
   * @returns when the user was created
   * @throws Problem `email_taken`.
   */
  async insertUser(
    { id, email, passwordHash, profile, emailVerified = false }: NewUser,
    belongings: (part: string) => readonly Prisma.Sql[],
    client: Pick<Transaction, '$queryRaw'> = this.prisma,
  ): Promise<Date> {
    try {
      const [row] = await client.$queryRaw<{ createdAt: Date }[]>`
        WITH registered AS (
          INSERT INTO users (id, email, email_lower, password_hash, profile, email_verified_at)
          VALUES (${id}::uuid, ${email}, ${email.toLowerCase()}, ${passwordHash}, ${JSON.stringify(profile)}::jsonb,
                  CASE WHEN ${emailVerified}::boolean THEN now() END)
          RETURNING created_at AS "createdAt"
        ), ${Prisma.join(belongings('registered').map((insert, index) => Prisma.sql`${Prisma.raw(`part${index}`)} AS (${insert})`))}
        SELECT * FROM registered`;
      if (row === undefined) throw new TypeError('The insert of a user returned no row');
      return row.createdAt;
    } catch (error) {
      throw violatedIndex(error) === EMAIL_INDEX ? emailTaken({ cause: error }) : error;
    }
  }

  async findUser(id: string): Promise<UserRow | null> {
    const row = await this.prisma.user.findUnique({ where: { id }, select: VIEW });
    return row === null ? null : { ...withVerified(row), profile: row.profile as StoredJson };
  }

  /** @returns the user with this profile; undefined where there is no such user */
  async setProfile(
    id: string,
    profile: StoredJson,
    client: Pick<Transaction, '$queryRaw'> = this.prisma,
  ): Promise<UserRow | undefined> {
    const [row] = await client.$queryRaw<UserRow[]>`
      UPDATE users SET profile = ${JSON.stringify(profile)}::jsonb WHERE id = ${id}::uuid
      RETURNING id, email, email_verified_at IS NOT NULL AS "emailVerified", roles, profile, created_at AS "createdAt"`;
    return row;
  }

  async findCredentialByEmail(email: string): Promise<Credential | null> {
    const row = await this.prisma.user.findUnique({ where: { emailLower: email.toLowerCase() }, select: CREDENTIAL });
    return row && { ...withVerified(row), appData: row.appData as StoredJson };
  }

  async findCredentialById(id: string): Promise<Credential | null> {
    const row = await this.prisma.user.findUnique({ where: { id }, select: CREDENTIAL });
    return row && { ...withVerified(row), appData: row.appData as StoredJson };
  }

  async findApplicationUser(user: { readonly id: string } | { readonly email: string }) {
    if ('id' in user ? !isUserId(user.id) : typeof user.email !== 'string') return null;
    const where = 'id' in user ? { id: user.id } : { emailLower: user.email.toLowerCase() };
    const row = await this.prisma.user.findUnique({ where, select: { ...VIEW, appData: true, disabledAt: true } });
    return row && { ...withVerified(row), profile: row.profile as StoredJson, appData: row.appData as StoredJson };
  }

  /** @throws Problem `user_not_found`. */
  async getUserIdByEmail(email: string): Promise<string> {
    const user = await this.findCredentialByEmail(email);
    if (user === null) throw userNotFound();
    return user.id;
  }

  /**
   * Locks the user's row against changes and deletion until the transaction ends; undefined when there is none, or the id is no
   * UUID. Go on with the id of the row: PostgreSQL knows more spellings of a UUID than access tokens and revocations have.
   */
  async lockUser(tx: Transaction, id: string): Promise<Credential | undefined> {
    if (!isUserId(id)) return undefined;
    const [row] = await tx.$queryRaw<Credential[]>`
      SELECT id, email, email_verified_at IS NOT NULL AS "emailVerified", password_hash AS "passwordHash", disabled_at AS "disabledAt", roles, version,
             app_data AS "appData", created_at AS "createdAt"
      FROM users WHERE id = ${id}::uuid FOR NO KEY UPDATE`;
    return row;
  }

  /** Writes the new hash if the user still has the old one; false when not. */
  async replacePasswordHash(id: string, oldHash: string, newHash: string): Promise<boolean> {
    const data = { passwordHash: newHash };
    const { count } = await this.prisma.user.updateMany({ where: { id, passwordHash: oldHash }, data });
    return count === 1;
  }

  async setPasswordHash(tx: Transaction, id: string, passwordHash: string): Promise<void> {
    await tx.user.update({ where: { id }, data: { passwordHash }, select: { id: true } });
  }

  /** {@link lockUser} of the user with this address. */
  async lockUserByEmail(tx: Transaction, email: string): Promise<Credential | undefined> {
    const [row] = await tx.$queryRaw<{ id: string }[]>`SELECT id FROM users WHERE email_lower = ${email.toLowerCase()}`;
    const user = row && (await this.lockUser(tx, row.id));
    // It may have changed while this waited for the lock.
    return user?.email.toLowerCase() === email.toLowerCase() ? user : undefined;
  }

  /** @returns the new version; undefined where the address was verified already */
  async setEmailVerified(tx: Transaction, id: string): Promise<number | undefined> {
    const [row] = await tx.$queryRaw<{ version: number }[]>`
      UPDATE users SET email_verified_at = now(), version = version + 1
      WHERE id = ${id}::uuid AND email_verified_at IS NULL RETURNING version`;
    return row?.version;
  }

  /** Changes the address to one that is verified. @returns the new version @throws Problem `email_taken` */
  async setEmail(tx: Transaction, id: string, email: string): Promise<number> {
    try {
      const [row] = await tx.$queryRaw<{ version: number }[]>`
        UPDATE users SET email = ${email}, email_lower = ${email.toLowerCase()}, email_verified_at = now(), version = version + 1
        WHERE id = ${id}::uuid RETURNING version`;
      if (row === undefined) throw userNotFound();
      return row.version;
    } catch (error) {
      throw violatedIndex(error) === EMAIL_INDEX ? emailTaken({ cause: error }) : error;
    }
  }

  /** On the database's clock. @returns the new version; undefined where the user was disabled, or enabled, already */
  async setDisabled(tx: Transaction, id: string, isDisabled: boolean): Promise<number | undefined> {
    const [row] = isDisabled
      ? await tx.$queryRaw<{ version: number }[]>`
          UPDATE users SET disabled_at = now(), version = version + 1
          WHERE id = ${id}::uuid AND disabled_at IS NULL RETURNING version`
      : await tx.$queryRaw<{ version: number }[]>`
          UPDATE users SET disabled_at = NULL, version = version + 1
          WHERE id = ${id}::uuid AND disabled_at IS NOT NULL RETURNING version`;
    return row?.version;
  }

  /** @returns the version, raised if so asked */
  async setAppData(tx: Transaction, id: string, appData: StoredJson, isVersionRaised: boolean): Promise<number> {
    const { version } = await tx.user.update({
      where: { id },
      data: { appData: appData as Prisma.InputJsonObject, version: { increment: isVersionRaised ? 1 : 0 } },
      select: { version: true },
    });
    return version;
  }

  /** Sorted roles. @returns the new version; undefined where the user has these roles already */
  async setRoles(tx: Transaction, id: string, roles: readonly string[]): Promise<number | undefined> {
    const [row] = await tx.$queryRaw<{ version: number }[]>`
      UPDATE users SET roles = ${[...roles]}::text[], version = version + 1
      WHERE id = ${id}::uuid AND roles <> ${[...roles]}::text[] RETURNING version`;
    return row?.version;
  }

  /**
   * Raises the version of each of these users above the given one, unless it is that high already.
   * @returns those it raised, with their new version
   */
  raiseVersions(tx: Transaction, above: ReadonlyMap<string, number>): Promise<{ id: string; version: number }[]> {
    return tx.$queryRaw<{ id: string; version: number }[]>`
      UPDATE users SET version = known.version + 1
      FROM unnest(${[...above.keys()]}::uuid[], ${[...above.values()]}::int[]) AS known (id, version)
      WHERE users.id = known.id AND users.version < known.version
      RETURNING users.id::text, users.version`;
  }

  async deleteUser(tx: Transaction, id: string): Promise<void> {
    await tx.user.delete({ where: { id }, select: { id: true } });
  }

  /** In order of registration, after the user with this id. */
  listUsers(after: string | undefined): Promise<ListedUser[]> {
    const isAfter = after === undefined ? Prisma.sql`true` : Prisma.sql`id > ${after}::uuid`;
    return this.prisma.$queryRaw<ListedUser[]>`
      SELECT id, email, created_at AS "createdAt", ${LOGIN_STATE} AS state
      FROM users WHERE ${isAfter} ORDER BY id LIMIT ${USERS_PER_PAGE}`;
  }

  /** @throws Problem `user_not_found`. */
  async getLoginState(id: string): Promise<LoginState> {
    const [row] = await this.prisma.$queryRaw<Pick<ListedUser, 'state'>[]>`
      SELECT ${LOGIN_STATE} AS state FROM users WHERE id = ${id}::uuid`;
    if (row === undefined) throw userNotFound();
    return row.state;
  }
}
