import { Injectable, Logger } from '@nestjs/common';
import { REVOCATIONS_LOCK, lockUntilTransactionEnds } from '../database/advisory-lock.js';
import { ChangeFeed, type ChangeQuery } from '../database/change-feed.js';
import { PrismaService, type Transaction } from '../database/prisma.service.js';
import { KeyRing } from '../tokens/key-ring.js';
import { RevocationSet } from '../verifier/revocation-set.js';
import { LostUserVersions, type LostVersionsHandler } from './lost-user-versions.js';
import { parseUserVersion, userVersionText } from './user-version.js';
import { REVOCATION_LIFE_SECONDS } from './revocation-lifetime.js';
import {
  REVOCATIONS_PER_PAGE,
  isSameRevocation,
  RevocationsRepository,
  type RevocationKind,
  type RevocationRow,
} from './revocations.repository.js';

const FIRST_ID = '0';
/** How far the database's clock may drift ahead of this node's within the life of a revocation. */
const MAX_DRIFT_SECONDS = 5;

/** The row that was read last. */
interface ReadPosition {
  readonly row: RevocationRow;
  /** Seconds on the monotonic clock. */
  readonly expiresAt: number;
}

/**
 * Revokes sessions, tokens, keys and earlier versions of users: written in the transaction of the cause, read by every node, answered from memory.
 */
@Injectable()
export class RevocationsService {
  readonly #log = new Logger('Revocations');
  readonly #lostVersions = new LostUserVersions(this.#log);
  readonly #set = new RevocationSet();
  /** Undefined when the whole table has to be read. */
  #position: ReadPosition | undefined;
  #readAt = performance.now();
  #lagSeconds = 0;

  constructor(
    private readonly prisma: PrismaService,
    private readonly feed: ChangeFeed,
    private readonly repository: RevocationsRepository,
    private readonly keyRing: KeyRing,
  ) {
    feed.addReader((query, mustReadAll) => this.#read(query, mustReadAll));
  }

  /** Whether a token with a valid signature must be refused. */
  isRevoked(sid: string, jti: string): boolean {
    return this.#set.contains(sid, jti);
  }

  /** Whether the user has changed since the version that a token names, so that the token must be refused. */
  isOutdated(userId: string, version: number): boolean {
    return this.#set.isOutdated(userId, version);
  }

  /**
   * Sets what is done when the whole table is read again, after a restore or a failover, and lacks versions of users that
   * this node has heard of: tokens of the restored rows would be refused here. Repeated with each reading until it succeeds.
   */
  onVersionsLost(handle: LostVersionsHandler): void {
    this.#lostVersions.onLost(handle);
  }

  /** When this node last read the table, in milliseconds of `performance.now()`. */
  get lastReadAt(): number {
    return this.#readAt;
  }

  /** How old the latest revocation was when this node read it. */
  get lagSeconds(): number {
    return this.#lagSeconds;
  }

  /** Revoked sessions, tokens and versions of users in memory. */
  get size(): number {
    return this.#set.size;
  }

  /**
   * Revokes when the transaction commits: this node refuses the tokens before the `transaction` call returns, the
   * others within a second. The rows are written last, because the lock of all revocations is held from then on.
   */
  addRevocations(tx: Transaction, kind: RevocationKind, subjects: readonly string[]): void {
    if (subjects.length === 0) return;
    this.prisma.beforeCommit(tx, async () => {
      await lockUntilTransactionEnds(tx, REVOCATIONS_LOCK);
      await this.repository.insertRevocations(tx, kind, subjects);
      await this.feed.announceChange(tx);
    });
    this.prisma.afterCommit(tx, () => {
      for (const subject of subjects) this.#addToMemory({ kind, subject, secondsLeft: REVOCATION_LIFE_SECONDS });
    });
  }

  /** Refuses, like {@link addRevocations}, tokens of the user with a lower version than this. */
  addUserVersion(tx: Transaction, id: string, version: number): void {
    this.addUserVersions(tx, [{ id, version }]);
  }

  /** {@link addUserVersion} of several users. */
  addUserVersions(tx: Transaction, users: readonly { readonly id: string; readonly version: number }[]): void {
    this.addRevocations(
      tx,
      'user',
      users.map(({ id, version }) => userVersionText(id, version)),
    );
  }

  async #read(query: ChangeQuery, mustReadAll: boolean): Promise<void> {
    const startedAt = performance.now();
    this.#set.removeExpired(nowSeconds());
    if (mustReadAll) this.#readFromStart();
    // Rows from before this node's start say nothing about the lag.
    let isMeasured = !mustReadAll;
    for (let isMore = true; isMore;) {
      const rows = await this.repository.listRevocationsFrom(query, this.#position?.row.id ?? FIRST_ID);
      if (this.#startsWithLastRead(rows)) {
        isMore = rows.length === REVOCATIONS_PER_PAGE;
        this.#addRows(rows, isMeasured);
      } else {
        isMeasured &&= !this.#wasTableReplaced(rows);
        this.#readFromStart();
      }
    }
    this.#readAt = startedAt;
    this.#lostVersions.endReading(() => this.#set.leastVersions(nowSeconds() + MAX_DRIFT_SECONDS));
    // Not awaited: it waits for locks, and the next reading must not.
    void this.#lostVersions.restore();
  }

  #readFromStart(): void {
    this.#position = undefined;
    this.#lostVersions.beginReading();
  }

  /** Whether the rows start with the one that was read last. */
  #startsWithLastRead([first]: readonly RevocationRow[]): boolean {
    if (this.#position === undefined) return true;
    return first !== undefined && isSameRevocation(first, this.#position.row);
  }

  /**
   * Whether the row that was read last disappeared because the table was replaced (a restore, a reset) rather
   * than purged. The whole table is read in both cases; after a purge that is no more than the new rows, since a
   * purge deletes the oldest first.
   */
  #wasTableReplaced([first]: readonly RevocationRow[]): boolean {
    if (this.#position === undefined) return false;
    const { row, expiresAt } = this.#position;
    const isReplaced = first?.id === row.id || expiresAt - MAX_DRIFT_SECONDS > nowSeconds();
    if (isReplaced) this.#log.warn({ event: 'revocations_replaced', lastRead: row.id });
    return isReplaced;
  }

  #addRows(rows: readonly RevocationRow[], isMeasured: boolean): void {
    const last = rows.at(-1);
    if (last === undefined || last.id === this.#position?.row.id) return;
    for (const row of rows) this.#addToMemory(row);
    if (isMeasured) this.#lagSeconds = REVOCATION_LIFE_SECONDS - last.secondsLeft;
    this.#position = { row: last, expiresAt: nowSeconds() + last.secondsLeft };
  }

  #addToMemory({ kind, subject, secondsLeft }: Pick<RevocationRow, 'kind' | 'subject' | 'secondsLeft'>): void {
    if (secondsLeft <= 0) return;
    const expiresAt = nowSeconds() + secondsLeft;
    if (kind === 'kid') this.keyRing.distrustKey(subject);
    else if (kind === 'user') this.#addUserVersion(subject, expiresAt);
    // Tokens have the session's UUID in lower case; an earlier version wrote it as the request spelled it.
    else this.#set.add(kind, kind === 'sid' ? subject.toLowerCase() : subject, expiresAt);
  }

  #addUserVersion(subject: string, expiresAt: number): void {
    const parsed = parseUserVersion(subject);
    if (parsed === undefined) return;
    const { userId, version } = parsed;
    this.#set.addLeastVersion(userId, version, expiresAt);
    this.#lostVersions.addFound(userId, version);
  }
}

/** Monotonic, so that no change of the system's clock drops a revocation. */
function nowSeconds(): number {
  return performance.now() / 1000;
}
