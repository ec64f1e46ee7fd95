import { Injectable } from '@nestjs/common';
import { violatedIndex } from '../database/database-errors.js';
import { PrismaService, type Prisma, type Transaction } from '../database/prisma.service.js';
import type { Credential } from './credential.js';
import { emailTaken, userNotFound } from './users.problems.js';

const IDENTITY = { id: true, email: true } as const;
const CREDENTIAL = { ...IDENTITY, passwordHash: true, disabledAt: true } as const;
const VIEW = { ...IDENTITY, createdAt: true } as const;
/** One user per address, in lower case. */
const EMAIL_INDEX = 'users_email_lower_key';

export interface NewUser {
  readonly id: string;
  readonly email: string;
  readonly passwordHash: string;
}

export const USERS_PER_PAGE = 500;

/** Selects columns explicitly, so that the password hash is read only into a {@link Credential}. */
@Injectable()
export class UsersRepository {
  constructor(private readonly prisma: PrismaService) {}

  /**
   * Inserts the user and its audit event in one statement. @returns when the user was created
   * @throws Problem `email_taken`.
   */
  async insertUser({ id, email, passwordHash }: NewUser, eventInsertSql: (part: string) => Prisma.Sql): Promise<Date> {
    try {
      const [row] = await this.prisma.$queryRaw<{ createdAt: Date }[]>`
        WITH registered AS (
          INSERT INTO users (id, email, email_lower, password_hash)
          VALUES (${id}::uuid, ${email}, ${email.toLowerCase()}, ${passwordHash})
          RETURNING created_at AS "createdAt"
        ), event AS (${eventInsertSql('registered')})
        SELECT * FROM registered`;
      if (row === undefined) throw new TypeError('The insert of a user returned no row');
      return row.createdAt;
    } catch (error) {
      throw violatedIndex(error) === EMAIL_INDEX ? emailTaken({ cause: error }) : error;
    }
  }

  findUser(id: string) {
    return this.prisma.user.findUnique({ where: { id }, select: VIEW });
  }

  findCredentialByEmail(email: string): Promise<Credential | null> {
    return this.prisma.user.findUnique({ where: { emailLower: email.toLowerCase() }, select: CREDENTIAL });
  }

  findCredentialById(id: string): Promise<Credential | null> {
    return this.prisma.user.findUnique({ where: { id }, select: CREDENTIAL });
  }

  /** @throws Problem `user_not_found`. */
  async getUserIdByEmail(email: string): Promise<string> {
    const user = await this.findCredentialByEmail(email);
    if (user === null) throw userNotFound();
    return user.id;
  }

  /** Locks the user's row against changes and deletion until the transaction ends; undefined when there is none. */
  async lockUser(tx: Transaction, id: string): Promise<Credential | undefined> {
    const [row] = await tx.$queryRaw<Credential[]>`
      SELECT id, email, password_hash AS "passwordHash", disabled_at AS "disabledAt"
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

  /** On the database's clock. False where the user was disabled, or enabled, already. */
  async setDisabled(tx: Transaction, id: string, isDisabled: boolean): Promise<boolean> {
    const count = isDisabled
      ? await tx.$executeRaw`UPDATE users SET disabled_at = now() WHERE id = ${id}::uuid AND disabled_at IS NULL`
      : await tx.$executeRaw`UPDATE users SET disabled_at = NULL WHERE id = ${id}::uuid AND disabled_at IS NOT NULL`;
    return count === 1;
  }

  async deleteUser(tx: Transaction, id: string): Promise<void> {
    await tx.user.delete({ where: { id }, select: { id: true } });
  }

  /** In order of registration, after the user with this id. */
  listUsers(after: string | undefined) {
    return this.prisma.user.findMany({
      ...(after === undefined ? {} : { where: { id: { gt: after } } }),
      take: USERS_PER_PAGE,
      orderBy: { id: 'asc' },
      select: { ...VIEW, disabledAt: true },
    });
  }
}
