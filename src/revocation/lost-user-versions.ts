import type { Logger } from '@nestjs/common';

/** Puts right what a restore has lost: users by id, with the least version that this node accepts. */
export type LostVersionsHandler = (lost: ReadonlyMap<string, number>) => Promise<void>;

/** The versions of users that this node has heard of, and that a reading of the whole table does not find. */
export class LostUserVersions {
  /** Undefined while the whole table is not being read. */
  #found: Map<string, number> | undefined;
  #lost: ReadonlyMap<string, number> = new Map();
  #handle: LostVersionsHandler | undefined;

  constructor(private readonly log: Logger) {}

  onLost(handle: LostVersionsHandler): void {
    this.#handle = handle;
  }

  /** A reading of the whole table begins. */
  beginReading(): void {
    this.#found = new Map();
  }

  addFound(userId: string, version: number): void {
    this.#found?.set(userId, Math.max(version, this.#found.get(userId) ?? 0));
  }

  /** The end of a reading, of the whole table or not. @param known least versions in memory, by user */
  endReading(known: () => Iterable<readonly [userId: string, version: number]>): void {
    const found = this.#found;
    if (found === undefined) return;
    this.#found = undefined;
    this.#lost = new Map([...known()].filter(([userId, version]) => (found.get(userId) ?? 0) < version));
  }

  /** Has what is lost put right; if that fails, the next call tries again. */
  async restore(): Promise<void> {
    const lost = this.#lost;
    if (lost.size === 0 || this.#handle === undefined) return;
    this.#lost = new Map();
    await this.#handle(lost).catch((error: unknown) => {
      this.log.warn({ err: error, event: 'user_versions_lost' });
      if (this.#lost.size === 0) this.#lost = lost;
    });
  }
}
