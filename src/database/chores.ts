import { Injectable, Logger, type OnModuleDestroy } from '@nestjs/common';
import { setTimeout as pause } from 'node:timers/promises';
import { tryTakeLock } from './advisory-lock.js';
import { PrismaService, type Transaction } from './prisma.service.js';

/** One small piece of a chore; true when more is left to do now. */
export type ChoreStep = (tx: Transaction) => Promise<boolean>;

/** What every node does again and again, never two at once. */
@Injectable()
export class Chores implements OnModuleDestroy {
  readonly #log = new Logger('Chores');
  readonly #closing = new AbortController();
  readonly #running = new Set<Promise<void>>();

  constructor(private readonly prisma: PrismaService) {}

  /** Runs the work at this interval, spread by a fifth either way. A failure is logged and the next turn comes. */
  every(seconds: number, name: string, work: () => Promise<void>): void {
    const running = this.#repeat(seconds * 1000, name, work);
    this.#running.add(running);
  }

  /** Steps under an advisory lock, each in a transaction of its own, until nothing is left or another node is at it. */
  async alone(lock: number, step: ChoreStep): Promise<void> {
    let isMore = true;
    while (isMore && !this.#closing.signal.aborted) {
      isMore = await this.prisma.transaction(async (tx) => (await tryTakeLock(tx, lock)) && (await step(tx)));
    }
  }

  /** A step that has begun is finished while the database is still there. */
  async onModuleDestroy(): Promise<void> {
    this.#closing.abort();
    await Promise.all(this.#running);
  }

  async #repeat(intervalMs: number, name: string, work: () => Promise<void>): Promise<void> {
    const { signal } = this.#closing;
    while (!signal.aborted) {
      const wait = intervalMs * (0.8 + 0.4 * Math.random());
      await pause(wait, undefined, { signal, ref: false }).catch(() => undefined);
      if (signal.aborted) return;
      await work().catch((error: unknown) => this.#log.warn({ err: error, event: 'chore_failed', chore: name }));
    }
  }
}
