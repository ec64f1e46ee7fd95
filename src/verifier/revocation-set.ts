/**
 * The claims by which a token is revoked. Never its text, since an ES256 token has several
 * spellings; never its user and a time.
 */
export type RevocableId = 'sid' | 'jti';

/** The least version of a user whose tokens are accepted. */
interface LeastVersion {
  readonly version: number;
  readonly expiresAt: number;
}

/**
 * Revoked sessions and tokens, and the versions of users that changed. A lookup is two map reads, and a third once a
 * user has changed. An entry is removed when every token it matches has expired. About 100 bytes each.
 */
export class RevocationSet {
  readonly #bySid = new Map<string, number>();
  readonly #byJti = new Map<string, number>();
  readonly #byUser = new Map<string, LeastVersion>();

  /**
   * Adds an entry. An existing one keeps the later of both times.
   * @param expiresAt seconds on a monotonic clock, the same that {@link removeExpired} is given
   */
  add(kind: RevocableId, id: string, expiresAt: number): void {
    const entries = kind === 'sid' ? this.#bySid : this.#byJti;
    // V8 stores whole numbers without an allocation.
    entries.set(id, Math.max(Math.ceil(expiresAt), entries.get(id) ?? 0));
  }

  /** Whether the session or the token is revoked. */
  contains(sid: string, jti: string): boolean {
    return this.#bySid.has(sid) || this.#byJti.has(jti);
  }

  /**
   * From now on tokens of the user with a lower version are refused. The greatest version that was ever added counts, in
   * whatever order they are added.
   * @param expiresAt as for {@link add}
   */
  addLeastVersion(userId: string, version: number, expiresAt: number): void {
    const known = this.#byUser.get(userId);
    // To the end, since entries are in order of expiry.
    this.#byUser.delete(userId);
    this.#byUser.set(userId, {
      version: Math.max(version, known?.version ?? 0),
      expiresAt: Math.max(expiresAt, known?.expiresAt ?? 0),
    });
  }

  /** Whether the user has changed since the version that a token names. */
  isOutdated(userId: string, version: number): boolean {
    // Hashes no id where no user has changed.
    if (this.#byUser.size === 0) return false;
    const least = this.#byUser.get(userId);
    return least !== undefined && version < least.version;
  }

  /** The least versions by user, except those that expire before this time. */
  leastVersions(validAt: number): Map<string, number> {
    const valid = [...this.#byUser].filter(([, { expiresAt }]) => expiresAt > validAt);
    return new Map(valid.map(([userId, { version }]) => [userId, version]));
  }

  get size(): number {
    return this.#bySid.size + this.#byJti.size + this.#byUser.size;
  }

  /** Entries are in order of expiry, so that this reads only one entry more than it removes. */
  removeExpired(now: number): void {
    for (const entries of [this.#bySid, this.#byJti]) {
      for (const [id, expiresAt] of entries) {
        if (expiresAt > now) break;
        entries.delete(id);
      }
    }
    for (const [userId, { expiresAt }] of this.#byUser) {
      if (expiresAt > now) break;
      this.#byUser.delete(userId);
    }
  }
}
