import { Injectable } from '@nestjs/common';
import { PrismaService, type Prisma, type Transaction } from '../database/prisma.service.js';
import type { Credential } from './credential.js';

const IDENTITY = { id: true, email: true } as const;
const CREDENTIAL = { ...IDENTITY, passwordHash: true, disabledAt: true } as const;
const VIEW = { ...IDENTITY, createdAt: true } as const;

interface NewUser {
  readonly id: string;
  readonly email: string;
  readonly passwordHash: string;
}

/** The columns each caller may have; the hash leaves only as a {@link Credential}. */
@Injectable()
export class UsersRepository {
  constructor(private readonly prisma: PrismaService) {}

  /** With what is to be written alongside. Returns when it was. */
  async insert({ id, email, passwordHash }: NewUser, alongside: (part: string) => Prisma.Sql): Promise<Date> {
    const [row] = await this.prisma.$queryRaw<{ createdAt: Date }[]>`
      WITH registered AS (
        INSERT INTO users (id, email, email_lower, password_hash)
        VALUES (${id}::uuid, ${email}, ${email.toLowerCase()}, ${passwordHash})
        RETURNING created_at AS "createdAt"
      ), alongside AS (${alongside('registered')})
      SELECT * FROM registered`;
    if (row === undefined) throw new TypeError('an insert answered nothing');
    return row.createdAt;
  }

  find(id: string) {
    return this.prisma.user.findUnique({ where: { id }, select: VIEW });
  }

  findCredential(email: string): Promise<Credential | null> {
    return this.prisma.user.findUnique({ where: { emailLower: email.toLowerCase() }, select: CREDENTIAL });
  }

  findCredentialById(id: string): Promise<Credential | null> {
    return this.prisma.user.findUnique({ where: { id }, select: CREDENTIAL });
  }

  /** Locks the row against every other change and against deletion until the transaction ends. */
  async lock(tx: Transaction, id: string): Promise<Credential | undefined> {
    const [row] = await tx.$queryRaw<Credential[]>`
      SELECT id, email, password_hash AS "passwordHash", disabled_at AS "disabledAt"
      FROM users WHERE id = ${id}::uuid FOR NO KEY UPDATE`;
    return row;
  }

  /** Only where that hash still stands; false when it no longer does. */
  async replaceHash(id: string, standing: string, next: string): Promise<boolean> {
    const data = { passwordHash: next };
    const { count } = await this.prisma.user.updateMany({ where: { id, passwordHash: standing }, data });
    return count === 1;
  }

  async setPasswordHash(tx: Transaction, id: string, passwordHash: string): Promise<void> {
    await tx.user.update({ where: { id }, data: { passwordHash }, select: { id: true } });
  }

  /** By the database's clock. False when that is what it was. */
  async setDisabled(tx: Transaction, id: string, isDisabled: boolean): Promise<boolean> {
    const count = isDisabled
      ? await tx.$executeRaw`UPDATE users SET disabled_at = now() WHERE id = ${id}::uuid AND disabled_at IS NULL`
      : await tx.$executeRaw`UPDATE users SET disabled_at = NULL WHERE id = ${id}::uuid AND disabled_at IS NOT NULL`;
    return count === 1;
  }

  async delete(tx: Transaction, id: string): Promise<void> {
    await tx.user.delete({ where: { id }, select: { id: true } });
  }

  page(after: string | undefined, size: number) {
    return this.prisma.user.findMany({
      ...(after === undefined ? {} : { where: { id: { gt: after } } }),
      take: size,
      orderBy: { id: 'asc' },
      select: { ...VIEW, disabledAt: true },
    });
  }
}
