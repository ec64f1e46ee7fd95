/** What a token can be revoked by; never its text (one ES256 token has other spellings), never its user and a time. */
export type RevocableId = 'sid' | 'jti';

/**
 * The sessions and tokens that must be refused although their signature holds. A lookup is two map reads; an entry leaves
 * when no token it could name can be alive. About 100 bytes each.
 */
export class RevocationSet {
  readonly #bySid = new Map<string, number>();
  readonly #byJti = new Map<string, number>();

  /**
   * One that is in it already stays for as long as was said before, if that is longer.
   * @param expiresAt seconds on a monotonic clock of the caller's, the one that {@link removeExpired} is given
   */
  add(kind: RevocableId, id: string, expiresAt: number): void {
    const entries = kind === 'sid' ? this.#bySid : this.#byJti;
    // Whole numbers are kept without a box of their own.
    entries.set(id, Math.max(Math.ceil(expiresAt), entries.get(id) ?? 0));
  }

  contains(sid: string, jti: string): boolean {
    return this.#bySid.has(sid) || this.#byJti.has(jti);
  }

  get size(): number {
    return this.#bySid.size + this.#byJti.size;
  }

  /** Entries come in the order in which they expire, so that this looks at one more than it removes. */
  removeExpired(now: number): void {
    for (const entries of [this.#bySid, this.#byJti]) {
      for (const [id, expiresAt] of entries) {
        if (expiresAt > now) break;
        entries.delete(id);
      }
    }
  }
}
