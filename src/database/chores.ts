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

/** To which the wait grows while what is due more often fails. */
const LONGEST_RETRY_MS = 10_000;

/** The wait for a turn, spread by a fifth either way: doubled by each failure in a row up to ten seconds, where the interval is shorter. */
export function waitMs(intervalMs: number, failuresInARow: number): number {
  const longest = Math.max(intervalMs, LONGEST_RETRY_MS);
  return Math.min(intervalMs * 2 ** failuresInARow, longest) * (0.8 + 0.4 * Math.random());
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

  /** What is done at this interval, as {@link waitMs} has it. A failure is logged, once while it stays the same, and the next turn comes. */
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
    for (let failuresInARow = 0; !signal.aborted;) {
      const wait = waitMs(repeated.intervalMs, failuresInARow);
      await pause(wait, undefined, { signal, ref: false }).catch(() => undefined);
      if (signal.aborted) return;
      failuresInARow = (await this.#do(repeated)) ? 0 : failuresInARow + 1;
    }
  }

  /** False when it failed. */
  async #do({ name, work }: Repeated): Promise<boolean> {
    try {
      await work();
      this.#lastFailures.delete(name);
      return true;
    } catch (error) {
      this.#failures[name] = (this.#failures[name] ?? 0) + 1;
      const failure = String(error);
      if (this.#lastFailures.get(name) !== failure) this.#log.warn({ err: error, event: 'chore_failed', chore: name });
      this.#lastFailures.set(name, failure);
      return false;
    }
  }
}
