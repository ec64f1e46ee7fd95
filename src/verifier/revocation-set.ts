/**
 * The claims by which a token is revoked. Never its text, since an ES256 token has several
 * spellings; never its user and a time.
 */
export type RevocableId = 'sid' | 'jti';

/**
 * Revoked sessions and tokens. A lookup is two map reads. An entry is removed when every token it matches has
 * expired. About 100 bytes each.
 */
export class RevocationSet {
  readonly #bySid = new Map<string, number>();
  readonly #byJti = new Map<string, number>();

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

  get size(): number {
    return this.#bySid.size + this.#byJti.size;
  }

  /** Entries are in order of expiry, so that this reads only one entry more than it removes. */
  removeExpired(now: number): void {
    for (const entries of [this.#bySid, this.#byJti]) {
      for (const [id, expiresAt] of entries) {
        if (expiresAt > now) break;
        entries.delete(id);
      }
    }
  }
}
