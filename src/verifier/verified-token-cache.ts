import type { PreparedKey } from './verification-key.js';
import type { VerifiedToken } from './verifier.js';

/**
 * Memory of an entry besides the token's text, in bytes: the entry, its slots in both tables, the value. Measured
 * in `principal.test.ts`.
 */
const ENTRY_BYTES = 470;
/** How many characters at a token's end are hashed: 42 random bits of the signature. */
const HASHED_CHARACTERS = 7;
/**
 * How many entries each added token checks for expiry, one after the other. A token that expired unseen is removed by
 * these alone; as many as this remain live for each expired one.
 */
const ENTRIES_CHECKED = 4;

interface Entry<Value> {
  readonly token: string;
  readonly key: PreparedKey;
  readonly validFrom: number;
  readonly validUntil: number;
  readonly value: Value;
  /** Its index in the list from which a random entry is evicted. */
  index: number;
}

/**
 * Verified tokens, each with a value made from it. A hit compares the whole text and checks again that the key is
 * trusted and the time in range; the caller checks revocations. Bounded in bytes, and by the number of live tokens: each
 * token added removes expired ones. When full, it evicts a random entry, so that no order of requests makes every one a
 * miss.
 */
export class VerifiedTokenCache<Value> {
  /** One entry, or the list of those with the same hash. */
  readonly #byHash = new Map<number, Entry<Value> | Entry<Value>[]>();
  readonly #entries: Entry<Value>[] = [];
  #bytes = 0;
  /** Index of the entry that is checked next. */
  #nextChecked = 0;

  /**
   * @param maxBytes 0 turns the cache off
   * @param extraBytesOf memory of a value beyond that of a usual one; the same each time that it is asked
   */
  constructor(
    private readonly maxBytes: number,
    private readonly extraBytesOf: (value: Value) => number = () => 0,
  ) {}

  /** @param now seconds since 1970 */
  findToken(token: string, now: number): Value | undefined {
    const found = this.#byHash.get(hashOf(token));
    const entry = Array.isArray(found) ? found.find((each) => each.token === token) : found;
    if (entry === undefined || entry.token !== token) return undefined;
    const { key, validFrom, validUntil } = entry;
    if (key.isTrusted && now >= validFrom && now < validUntil) return entry.value;
    if (!key.isTrusted || now >= validUntil) this.#remove(entry);
    return undefined;
  }

  /**
   * Adds a token that is not in the cache.
   * @param now seconds since 1970
   */
  addToken(received: string, { key, validFrom, validUntil }: VerifiedToken, value: Value, now: number): void {
    this.#removeExpired(now);
    const token = copyOf(received);
    const bytes = this.#bytesOf(token, value);
    if (bytes > this.maxBytes) return;
    while (this.#bytes + bytes > this.maxBytes) this.#evictRandom();
    const entry = { token, key, validFrom, validUntil, value, index: this.#entries.length };
    this.#link(hashOf(token), entry);
    this.#entries.push(entry);
    this.#bytes += bytes;
  }

  cacheSize(): { readonly tokens: number; readonly bytes: number } {
    return { tokens: this.#entries.length, bytes: this.#bytes };
  }

  #bytesOf(token: string, value: Value): number {
    return token.length + ENTRY_BYTES + this.extraBytesOf(value);
  }

  #removeExpired(now: number): void {
    for (let checked = 0; checked < ENTRIES_CHECKED; checked++) {
      const entry = this.#entries[this.#nextChecked] ?? this.#entries[(this.#nextChecked = 0)];
      if (entry === undefined) return;
      // Another entry takes the place of a removed one.
      if (now >= entry.validUntil) this.#remove(entry);
      else this.#nextChecked++;
    }
  }

  #evictRandom(): void {
    const entry = this.#entries[Math.floor(Math.random() * this.#entries.length)];
    if (entry !== undefined) this.#remove(entry);
  }

  #remove(entry: Entry<Value>): void {
    this.#unlink(hashOf(entry.token), entry);
    const last = this.#entries.pop();
    if (last !== undefined && last !== entry) {
      this.#entries[entry.index] = last;
      last.index = entry.index;
    }
    this.#bytes -= this.#bytesOf(entry.token, entry.value);
  }

  #link(hash: number, entry: Entry<Value>): void {
    const found = this.#byHash.get(hash);
    this.#byHash.set(hash, found === undefined ? entry : [found, entry].flat());
  }

  #unlink(hash: number, entry: Entry<Value>): void {
    const found = this.#byHash.get(hash);
    const others = Array.isArray(found) ? found.filter((each) => each !== entry) : [];
    if (others.length > 0) this.#byHash.set(hash, others);
    else this.#byHash.delete(hash);
  }
}

/** A copy, since a substring would keep the string it was cut from in memory. */
function copyOf(token: string): string {
  return Buffer.from(token, 'latin1').toString('latin1');
}

/**
 * A small integer, for which the map computes no string hash and allocates nothing: a third of the
 * time of a map with string keys.
 */
function hashOf(token: string): number {
  let hash = 0;
  // The last character carries only a few bits.
  const end = token.length - 1;
  for (let at = end - HASHED_CHARACTERS; at < end; at++) hash = Math.imul(hash, 61) + token.charCodeAt(at);
  return hash & 0x3f_ff_ff_ff;
}
