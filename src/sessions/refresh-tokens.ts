import { Inject, Injectable } from '@nestjs/common';
import { createHmac, timingSafeEqual } from 'node:crypto';
import { CONFIG, type Config } from '../config/config.js';
import { deriveKey } from '../tokens/derived-keys.js';

/** What a refresh token says: the session, and how many exchanges came before it. */
export interface RefreshTokenContent {
  readonly sessionId: string;
  readonly counter: number;
}

const FORMAT = 1;
const ID_BYTES = 16;
const COUNTER_BYTES = 4;
const HEAD_BYTES = 1 + ID_BYTES + COUNTER_BYTES;
/** 192 bits; with the head a multiple of three bytes, so that there is one text for each token. */
const MAC_BYTES = 24;
const SHAPE = /^[\w-]{60}$/;

/**
 * Refresh tokens are not stored. Each is format, session, counter and a MAC over these under a key derived from
 * `MASTER_SECRET`, so that garbage is refused before any query, a successor can be written again, and a dump of the database
 * yields none (RFC 9700 section 4.14.2).
 */
@Injectable()
export class RefreshTokens {
  readonly #keys: readonly Buffer[];

  constructor(@Inject(CONFIG) config: Config) {
    this.#keys = config.masterSecret.map((secret) => deriveKey(secret, 'refresh-token'));
  }

  /** Under the first master secret. The same content gives the same text. */
  write({ sessionId, counter }: RefreshTokenContent): string {
    const head = Buffer.alloc(HEAD_BYTES);
    head.writeUInt8(FORMAT, 0);
    head.write(sessionId.replaceAll('-', ''), 1, 'hex');
    head.writeUInt32BE(counter, 1 + ID_BYTES);
    const [key] = this.#keys;
    if (key === undefined) throw new TypeError('there is no master secret');
    return Buffer.concat([head, macOf(key, head)]).toString('base64url');
  }

  /** Undefined for whatever this service did not write. */
  read(text: string): RefreshTokenContent | undefined {
    if (!SHAPE.test(text)) return undefined;
    const bytes = Buffer.from(text, 'base64url');
    const head = bytes.subarray(0, HEAD_BYTES);
    const mac = bytes.subarray(HEAD_BYTES);
    if (head[0] !== FORMAT || !this.#keys.some((key) => timingSafeEqual(macOf(key, head), mac))) return undefined;
    return { sessionId: uuidOf(head.toString('hex', 1, 1 + ID_BYTES)), counter: head.readUInt32BE(1 + ID_BYTES) };
  }
}

function macOf(key: Buffer, head: Buffer): Buffer {
  return createHmac('sha256', key).update(head).digest().subarray(0, MAC_BYTES);
}

function uuidOf(hex: string): string {
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}
