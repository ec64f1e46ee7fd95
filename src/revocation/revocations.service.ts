import { Injectable, Logger } from '@nestjs/common';
import { PURGE_REVOCATIONS_LOCK, REVOCATIONS_LOCK, lockUntilTransactionEnds } from '../database/advisory-lock.js';
import { BackgroundJobs } from '../jobs/background-jobs.js';
import { ChangeFeed, type ChangeQuery } from '../database/change-feed.js';
import { PrismaService, type Transaction } from '../database/prisma.service.js';
import { KeyRing } from '../tokens/key-ring.js';
import { RevocationSet } from '../verifier/revocation-set.js';
import {
  isSameRevocation,
  REVOCATION_LIFE_SECONDS,
  RevocationsRepository,
  type RevocationKind,
  type RevocationRow,
} from './revocations.repository.js';

/** Small enough that taking one in holds nobody up. */
const PAGE_SIZE = 5000;
const PURGE_SECONDS = 60;
const FIRST_ID = '0';
/** By how much the database's clock may run ahead of this node's within the life of a revocation. */
const DRIFT_SECONDS = 5;

/** The row that was read last. */
interface Position {
  readonly row: RevocationRow;
  /** On the monotonic clock. */
  readonly expiresAt: number;
}

/** Takes sessions, tokens and keys back: written with what causes it, read by every node, asked from memory. */
@Injectable()
export class RevocationsService {
  readonly #log = new Logger('Revocations');
  readonly #set = new RevocationSet();
  /** Undefined: everything is to be read. */
  #position: Position | undefined;
  #readAt = performance.now();
  #lagSeconds = 0;

  constructor(
    private readonly prisma: PrismaService,
    private readonly feed: ChangeFeed,
    private readonly jobs: BackgroundJobs,
    private readonly repository: RevocationsRepository,
    private readonly keyRing: KeyRing,
  ) {
    jobs.addRecurringJob(PURGE_SECONDS, 'purge revocations', () => this.purgeRevocations());
    feed.addReader((query, isFresh) => this.#read(query, isFresh));
  }

  /** Whether a verified token must be refused all the same. */
  isRevoked(sid: string, jti: string): boolean {
    return this.#set.contains(sid, jti);
  }

  /** When this node last read what there is, in milliseconds of `performance.now()`. */
  get lastReadAt(): number {
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
  async writeRevocations(tx: Transaction, kind: RevocationKind, subjects: readonly string[]): Promise<void> {
    if (subjects.length === 0) return;
    await lockUntilTransactionEnds(tx, REVOCATIONS_LOCK);
    await this.repository.insertRevocations(tx, kind, subjects);
    await this.feed.announceChange(tx);
    this.prisma.afterCommit(tx, () => {
      for (const subject of subjects) this.#apply({ kind, subject, secondsLeft: REVOCATION_LIFE_SECONDS });
    });
  }

  /** Deletes what can matter no more. */
  async purgeRevocations(): Promise<void> {
    await this.jobs.purgeInBatches(PURGE_REVOCATIONS_LOCK, (query, after) =>
      this.repository.purgeRevocationBatch(query, after),
    );
  }

  async #read(query: ChangeQuery, isFresh: boolean): Promise<void> {
    const startedAt = performance.now();
    this.#set.removeExpired(nowSeconds());
    if (isFresh) this.#position = undefined;
    // What was there before this node began says nothing about how fast it hears.
    let isNews = !isFresh;
    for (let isMore = true; isMore;) {
      const rows = await this.repository.listRevocationsFrom(query, this.#position?.row.id ?? FIRST_ID, PAGE_SIZE);
      if (this.#isContinued(rows)) {
        isMore = rows.length === PAGE_SIZE;
        this.#addRows(rows, isNews);
      } else {
        isNews &&= !this.#isReplaced(rows);
        this.#position = undefined;
      }
    }
    this.#readAt = startedAt;
  }

  /** Whether the rows begin with the one that was read last. */
  #isContinued([first]: readonly RevocationRow[]): boolean {
    if (this.#position === undefined) return true;
    return first !== undefined && isSameRevocation(first, this.#position.row);
  }

  /**
   * Whether the row that was read last has given way to another history, and not to the purge. In both cases all is read: after a
   * purge that is no more than what follows, since the purge takes what was committed first.
   */
  #isReplaced([first]: readonly RevocationRow[]): boolean {
    if (this.#position === undefined) return false;
    const { row, expiresAt } = this.#position;
    const isReplaced = first?.id === row.id || expiresAt - DRIFT_SECONDS > nowSeconds();
    if (isReplaced) this.#log.warn({ event: 'revocations_replaced', lastRead: row.id });
    return isReplaced;
  }

  #addRows(rows: readonly RevocationRow[], isNews: boolean): void {
    const last = rows.at(-1);
    if (last === undefined || last.id === this.#position?.row.id) return;
    for (const row of rows) this.#apply(row);
    if (isNews) this.#lagSeconds = REVOCATION_LIFE_SECONDS - last.secondsLeft;
    this.#position = { row: last, expiresAt: nowSeconds() + last.secondsLeft };
  }

  #apply({ kind, subject, secondsLeft }: Pick<RevocationRow, 'kind' | 'subject' | 'secondsLeft'>): void {
    if (secondsLeft <= 0) return;
    if (kind === 'kid') this.keyRing.distrustKey(subject);
    // A session's id is a UUID: tokens have it in lower case, and an earlier version wrote it as the request did.
    else this.#set.add(kind, kind === 'sid' ? subject.toLowerCase() : subject, nowSeconds() + secondsLeft);
  }
}

/** Monotonic: a step of the system's clock forgets no revocation. */
function nowSeconds(): number {
  return performance.now() / 1000;
}
