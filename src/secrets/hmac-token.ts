import { createHmac, timingSafeEqual } from 'node:crypto';
import { deriveKey } from './derived-keys.js';

/** What is written: so many bytes of content, and so many of HMAC-SHA-256 over them. */
export interface HmacTokenFormat {
  /** Of the derived key: each kind of text has its own. */
  readonly label: string;
  readonly contentBytes: number;
  /** With the content a multiple of three, so that there is one text for each content and key. */
  readonly macBytes: number;
}

/**
 * URL-safe texts that only holders of `MASTER_SECRET` can write, and that nobody stores: garbage is refused before any query, and
 * a dump of the database yields none.
 */
export class HmacToken {
  readonly #keys: readonly Buffer[];
  readonly #shape: RegExp;

  constructor(
    masterSecret: readonly string[],
    private readonly format: HmacTokenFormat,
  ) {
    this.#keys = masterSecret.map((secret) => deriveKey(secret, format.label));
    this.#shape = new RegExp(String.raw`^[\w-]{${((format.contentBytes + format.macBytes) / 3) * 4}}$`);
  }

  /** Under the first master secret. The same content gives the same text. */
  encodeToken(content: Buffer): string {
    const [key] = this.#keys;
    if (key === undefined) throw new TypeError('there is no master secret');
    return Buffer.concat([content, this.#macOf(key, content)]).toString('base64url');
  }

  /** The content; undefined for whatever was not written under one of the master secrets. */
  decodeToken(text: string): Buffer | undefined {
    if (!this.#shape.test(text)) return undefined;
    const bytes = Buffer.from(text, 'base64url');
    const content = bytes.subarray(0, this.format.contentBytes);
    const mac = bytes.subarray(this.format.contentBytes);
    return this.#keys.some((key) => timingSafeEqual(this.#macOf(key, content), mac)) ? content : undefined;
  }

  #macOf(key: Buffer, content: Buffer): Buffer {
    return createHmac('sha256', key).update(content).digest().subarray(0, this.format.macBytes);
  }
}

/** The UUID whose bytes stand at this place. */
export function uuidAt(bytes: Buffer, at: number): string {
  return bytes.toString('hex', at, at + 16).replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}
