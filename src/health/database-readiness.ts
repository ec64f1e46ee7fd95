import { Injectable } from '@nestjs/common';
import { PrismaService } from '../database/prisma.service.js';

/** Whether the database answers and takes writes, for the probe `ready`. */
@Injectable()
export class DatabaseReadiness {
  #check: Promise<boolean> | undefined;

  constructor(private readonly prisma: PrismaService) {}

  /** Concurrent probes share one statement. */
  async whyNotReady(): Promise<'read_only' | 'database' | undefined> {
    this.#check ??= this.#acceptsWrites().finally(() => (this.#check = undefined));
    try {
      return (await this.#check) ? undefined : 'read_only';
    } catch {
      return 'database';
    }
  }

  /** False on a standby, whose transactions are read-only. */
  async #acceptsWrites(): Promise<boolean> {
    const [row] = await this.prisma.$queryRaw<{ isReadOnly: string }[]>`
      SELECT current_setting('transaction_read_only') AS "isReadOnly"`;
    return row?.isReadOnly === 'off';
  }
}
