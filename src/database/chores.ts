import { Injectable, Logger, type OnModuleDestroy } from '@nestjs/common';
import { setTimeout as pause } from 'node:timers/promises';
import { tryTakeLock } from './advisory-lock.js';
import { PrismaService, type Transaction } from './prisma.service.js';

/** One small piece of a chore; true when more is left to do now. */
export type ChoreStep = (tx: Transaction) => Promise<boolean>;

/** What every serving node does before it serves and then again and again. A script has the services without the chores. */
@Injectable()
export class Chores implements OnModuleDestroy {
  readonly #log = new Logger('Chores');
  readonly #closing = new AbortController();
  readonly #beforehand: (() => Promise<void>)[] = [];
  readonly #repeated: { readonly intervalMs: number; readonly name: string; readonly work: () => Promise<void> }[] = [];
  #running: readonly Promise<void>[] = [];

  constructor(private readonly prisma: PrismaService) {}

  /** What must be done before anything is served; a failure keeps the application from starting. */
  beforehand(work: () => Promise<void>): void {
    this.#beforehand.push(work);
  }

  /** What is done at this interval, spread by a fifth either way. A failure is logged and the next turn comes. */
  every(seconds: number, name: string, work: () => Promise<void>): void {
    this.#repeated.push({ intervalMs: seconds * 1000, name, work });
  }

  /** Does what comes beforehand, then leaves the rest to its intervals. */
  async begin(): Promise<void> {
    for (const work of this.#beforehand) await work();
    this.#running = this.#repeated.map(({ intervalMs, name, work }) => this.#repeat(intervalMs, name, work));
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
