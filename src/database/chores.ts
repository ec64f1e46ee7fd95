import { Injectable, Logger, type OnModuleDestroy } from '@nestjs/common';
import { setTimeout as pause } from 'node:timers/promises';
import { tryTakeLock } from './advisory-lock.js';
import { PrismaService, type Transaction } from './prisma.service.js';

/** One small piece of a chore, from after this key; returns the key from after which to go on, undefined when nothing is left. */
export type ChoreStep = (tx: Transaction, after: string | undefined) => Promise<string | undefined>;

/** What is done again and again. */
interface Repeated {
  readonly intervalMs: number;
  readonly name: string;
  readonly work: () => Promise<void>;
}

/** What every serving node does before it serves and then again and again. A script has the services without the chores. */
@Injectable()
export class Chores implements OnModuleDestroy {
  readonly #log = new Logger('Chores');
  readonly #closing = new AbortController();
  readonly #beforehand: (() => Promise<void>)[] = [];
  readonly #repeated: Repeated[] = [];
  readonly #failures: Record<string, number> = {};
  /** What the last turn of each failed with. */
  readonly #lastFailures = new Map<string, string>();
  #running: readonly Promise<void>[] = [];

  constructor(private readonly prisma: PrismaService) {}

  /** What must be done before anything is served; a failure keeps the application from starting. */
  beforehand(work: () => Promise<void>): void {
    this.#beforehand.push(work);
  }

  /** What is done at this interval, spread by a fifth either way. A failure is logged, once while it stays the same, and the next turn comes. */
  every(seconds: number, name: string, work: () => Promise<void>): void {
    this.#repeated.push({ intervalMs: seconds * 1000, name, work });
    this.#failures[name] = 0;
  }

  /** Failures since the start, by the name of what failed. */
  stats(): Readonly<Record<string, number>> {
    return { ...this.#failures };
  }

  /** Does what comes beforehand, then leaves the rest to its intervals. */
  async begin(): Promise<void> {
    for (const work of this.#beforehand) await work();
    this.#running = this.#repeated.map((repeated) => this.#repeat(repeated));
  }

  /** Does one of what is repeated now, as at its turn: a failure is counted, and logged once while it stays the same. */
  async run(name: string): Promise<void> {
    for (const repeated of this.#repeated) if (repeated.name === name) await this.#do(repeated);
  }

  /** Steps through a table under an advisory lock, each step in a transaction of its own, until nothing is left or another node is at it. */
  async walk(lock: number, step: ChoreStep): Promise<void> {
    let after: string | undefined;
    do {
      after = await this.prisma.transaction(async (tx) =>
        (await tryTakeLock(tx, lock)) ? step(tx, after) : undefined,
      );
    } while (after !== undefined && !this.#closing.signal.aborted);
  }

  /** A step that has begun is finished while the database is still there. */
  async onModuleDestroy(): Promise<void> {
    this.#closing.abort();
    await Promise.all(this.#running);
  }

  async #repeat(repeated: Repeated): Promise<void> {
    const { signal } = this.#closing;
    while (!signal.aborted) {
      const wait = repeated.intervalMs * (0.8 + 0.4 * Math.random());
      await pause(wait, undefined, { signal, ref: false }).catch(() => undefined);
      if (signal.aborted) return;
      await this.#do(repeated);
    }
  }

  async #do({ name, work }: Repeated): Promise<void> {
    try {
      await work();
      this.#lastFailures.delete(name);
    } catch (error) {
      this.#failures[name] = (this.#failures[name] ?? 0) + 1;
      const failure = String(error);
      if (this.#lastFailures.get(name) === failure) return;
      this.#lastFailures.set(name, failure);
      this.#log.warn({ err: error, event: 'chore_failed', chore: name });
    }
  }
}
