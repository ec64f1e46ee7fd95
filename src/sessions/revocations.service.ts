import { Injectable } from '@nestjs/common';
import { PURGE_REVOCATIONS_LOCK, REVOCATIONS_LOCK, takeLock } from '../database/advisory-lock.js';
import { Chores } from '../database/chores.js';
import { Feed, type FeedQuery } from '../database/feed.js';
import { PrismaService, type Transaction } from '../database/prisma.service.js';
import { KeyRing } from '../tokens/key-ring.js';
import { RevocationSet } from '../verifier/revocation-set.js';
import {
  REVOCATION_LIFE_SECONDS,
  RevocationsRepository,
  type RevocationKind,
  type RevocationRow,
} from './revocations.repository.js';

/** Small enough that taking one in holds nobody up. */
const PAGE_SIZE = 5000;
const PURGE_SECONDS = 60;

/** Takes sessions, tokens and keys back: written with what causes it, read by every node, asked from memory. */
@Injectable()
export class RevocationsService {
  readonly #set = new RevocationSet();
  /** Of the last revocation that was read. */
  #lastId = '0';
  #readAt = performance.now();
  #lagSeconds = 0;

  constructor(
    private readonly prisma: PrismaService,
    private readonly feed: Feed,
    private readonly chores: Chores,
    private readonly repository: RevocationsRepository,
    private readonly keyRing: KeyRing,
  ) {
    chores.every(PURGE_SECONDS, 'purge revocations', () => this.purge());
    feed.follow((query, isFresh) => this.#read(query, isFresh));
  }

  /** Whether a verified token must be refused all the same. */
  names(sid: string, jti: string): boolean {
    return this.#set.names(sid, jti);
  }

  /** When this node last read what there is, in milliseconds of `performance.now()`. */
  get readAt(): number {
    return this.#readAt;
  }

  /** How old the latest revocation of another node or of this one was when it was read here. */
  get lagSeconds(): number {
    return this.#lagSeconds;
  }

  /** Sessions and tokens held in memory. */
  get size(): number {
    return this.#set.size;
  }

  /**
   * Revokes with the transaction; this node obeys before it returns, the others within a second. Until the transaction's end
   * nobody else can revoke, so call it late, and wait for no lock after it.
   */
  async write(tx: Transaction, kind: RevocationKind, subjects: readonly string[]): Promise<void> {
    if (subjects.length === 0) return;
    await takeLock(tx, REVOCATIONS_LOCK);
    await this.repository.insert(tx, kind, subjects);
    await this.feed.announce(tx);
    this.prisma.afterCommit(tx, () => {
      for (const subject of subjects) this.#apply({ kind, subject, secondsLeft: REVOCATION_LIFE_SECONDS });
    });
  }

  /** Deletes what can matter no more. */
  async purge(): Promise<void> {
    await this.chores.alone(PURGE_REVOCATIONS_LOCK, (tx) => this.repository.purge(tx));
  }

  async #read(query: FeedQuery, isFresh: boolean): Promise<void> {
    const startedAt = performance.now();
    this.#set.removeExpired(nowSeconds());
    if (isFresh) this.#lastId = '0';
    let rows: RevocationRow[];
    do {
      rows = await this.repository.listAfter(query, this.#lastId, PAGE_SIZE);
      for (const row of rows) this.#apply(row);
      const last = rows.at(-1);
      // What was there before this node began says nothing about how fast it hears.
      if (last !== undefined && !isFresh) this.#lagSeconds = REVOCATION_LIFE_SECONDS - last.secondsLeft;
      this.#lastId = last?.id ?? this.#lastId;
    } while (rows.length === PAGE_SIZE);
    this.#readAt = startedAt;
  }

  #apply({ kind, subject, secondsLeft }: Pick<RevocationRow, 'kind' | 'subject' | 'secondsLeft'>): void {
    if (secondsLeft <= 0) return;
    if (kind === 'kid') this.keyRing.distrust(subject);
    else this.#set.add(kind, subject, nowSeconds() + secondsLeft);
  }
}

/** Monotonic: a step of the system's clock forgets no revocation. */
function nowSeconds(): number {
  return performance.now() / 1000;
}
