import type { PreparedKey } from './verification-key.js';
import type { VerifiedToken } from './verifier.js';

/** What a token costs beside its text, in bytes: its entry, its place in both tables, and the value. Measured: `token-principal.test.ts`. */
const ENTRY_BYTES = 470;
/** How much of a token's end is hashed: 42 random bits of a signature. */
const HASHED_CHARACTERS = 7;

interface Entry<Value> {
  readonly token: string;
  readonly key: PreparedKey;
  readonly validFrom: number;
  readonly validUntil: number;
  readonly value: Value;
  /** Where it is in the list from which one is drawn at random. */
  place: number;
}

/**
 * Tokens that were verified, each with what was made of it. A hit takes the whole text, and asks about the key and the time
 * again; who may be revoked since is the caller's to ask. Bounded in bytes; when it is full a random one leaves, so that no order
 * of arrival makes every request a miss.
 */
export class VerifiedTokenCache<Value> {
  /** An entry alone, or the few of one hash. */
  readonly #byHash = new Map<number, Entry<Value> | Entry<Value>[]>();
  readonly #entries: Entry<Value>[] = [];
  #bytes = 0;

  /** @param mostBytes 0 keeps nothing */
  constructor(private readonly mostBytes: number) {}

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

  /** Of a token that is not held. */
  addToken(received: string, { key, validFrom, validUntil }: VerifiedToken, value: Value): void {
    const token = copyOf(received);
    const bytes = bytesOf(token);
    if (bytes > this.mostBytes) return;
    while (this.#bytes + bytes > this.mostBytes) this.#removeAny();
    const entry = { token, key, validFrom, validUntil, value, place: this.#entries.length };
    this.#link(hashOf(token), entry);
    this.#entries.push(entry);
    this.#bytes += bytes;
  }

  stats(): { readonly tokens: number; readonly bytes: number } {
    return { tokens: this.#entries.length, bytes: this.#bytes };
  }

  #removeAny(): void {
    const entry = this.#entries[Math.floor(Math.random() * this.#entries.length)];
    if (entry !== undefined) this.#remove(entry);
  }

  #remove(entry: Entry<Value>): void {
    this.#unlink(hashOf(entry.token), entry);
    const last = this.#entries.pop();
    if (last !== undefined && last !== entry) {
      this.#entries[entry.place] = last;
      last.place = entry.place;
    }
    this.#bytes -= bytesOf(entry.token);
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

/** A text of its own, that keeps no longer one alive of which it was cut. */
function copyOf(token: string): string {
  return Buffer.from(token, 'latin1').toString('latin1');
}

function bytesOf(token: string): number {
  return token.length + ENTRY_BYTES;
}

/** A small integer, so that the map needs neither the text's own hash nor a box: a third of the time of a map of texts. */
function hashOf(token: string): number {
  let hash = 0;
  // The very last character carries but a few bits.
  const end = token.length - 1;
  for (let at = end - HASHED_CHARACTERS; at < end; at++) hash = Math.imul(hash, 61) + token.charCodeAt(at);
  return hash & 0x3f_ff_ff_ff;
}
