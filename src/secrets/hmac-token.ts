import { createHmac, timingSafeEqual } from 'node:crypto';
import { deriveKey } from './derived-keys.js';

/** The content of fixed size, followed by a truncated HMAC-SHA-256 of it. */
export interface HmacTokenFormat {
  /** The label of the derived key. Each kind of token has its own. */
  readonly label: string;
  readonly contentBytes: number;
  /** Makes the total a multiple of three, so that base64url has one text for each content and key. */
  readonly macBytes: number;
}

/**
 * Encodes and decodes URL-safe tokens that only holders of `MASTER_SECRET` can create and that are not stored: garbage
 * is refused without a query, and a dump of the database contains none.
 */
export class HmacToken {
  readonly #keys: readonly Buffer[];
  readonly #pattern: RegExp;

  constructor(
    masterSecret: readonly string[],
    private readonly format: HmacTokenFormat,
  ) {
    this.#keys = masterSecret.map((secret) => deriveKey(secret, format.label));
    this.#pattern = new RegExp(String.raw`^[\w-]{${((format.contentBytes + format.macBytes) / 3) * 4}}$`);
  }

  /** Uses the first master secret. The same content gives the same token. */
  encodeToken(content: Buffer): string {
    const [key] = this.#keys;
    if (key === undefined) throw new TypeError('there is no master secret');
    return Buffer.concat([content, this.#macOf(key, content)]).toString('base64url');
  }

  /** The content; undefined for any text that was not encoded under one of the master secrets. */
  decodeToken(text: string): Buffer | undefined {
    if (!this.#pattern.test(text)) return undefined;
    const bytes = Buffer.from(text, 'base64url');
    const content = bytes.subarray(0, this.format.contentBytes);
    const mac = bytes.subarray(this.format.contentBytes);
    return this.#keys.some((key) => timingSafeEqual(this.#macOf(key, content), mac)) ? content : undefined;
  }

  #macOf(key: Buffer, content: Buffer): Buffer {
    return createHmac('sha256', key).update(content).digest().subarray(0, this.format.macBytes);
  }
}

/** The UUID at this offset. */
export function uuidAt(bytes: Buffer, offset: number): string {
  return bytes.toString('hex', offset, offset + 16).replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}
