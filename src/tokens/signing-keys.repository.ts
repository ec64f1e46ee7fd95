import { Injectable } from '@nestjs/common';
import { PrismaService } from '../database/prisma.service.js';

export interface StoredKey {
  readonly kid: string;
  readonly alg: string;
  readonly privateKey: Uint8Array<ArrayBuffer>;
}

@Injectable()
export class SigningKeysRepository {
  constructor(private readonly prisma: PrismaService) {}

  /** Newest first. */
  list(): Promise<StoredKey[]> {
    return this.prisma.signingKey.findMany({
      select: { kid: true, alg: true, privateKey: true },
      orderBy: [{ createdAt: 'desc' }, { kid: 'asc' }],
    });
  }

  async insert(key: StoredKey & { publicJwk: object }): Promise<void> {
    await this.prisma.signingKey.create({ data: key, select: { kid: true } });
  }
}
