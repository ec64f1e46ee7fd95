import { Inject, Injectable } from '@nestjs/common';
import { createHmac, timingSafeEqual } from 'node:crypto';
import { CONFIG, type Config } from '../config/config.js';
import { deriveKey } from '../tokens/derived-keys.js';

const FORMAT = 1;
const ID_BYTES = 16;
const HEAD_BYTES = 1 + ID_BYTES;
/** 176 bits; with the head a multiple of three bytes, so that there is one text for each token. */
const MAC_BYTES = 22;
const SHAPE = /^[\w-]{52}$/;

/**
 * What a device that has logged in shows at its next login (OWASP's device cookie). It names a row and opens nothing: it only
 * spares its owner the limits that strangers can use up.
 */
@Injectable()
export class DeviceTokens {
  readonly #keys: readonly Buffer[];

  constructor(@Inject(CONFIG) config: Config) {
    this.#keys = config.masterSecret.map((secret) => deriveKey(secret, 'device-token'));
  }

  /** Under the first master secret. */
  write(deviceId: string): string {
    const head = Buffer.from(`0${FORMAT}${deviceId.replaceAll('-', '')}`, 'hex');
    const [key] = this.#keys;
    if (key === undefined) throw new TypeError('there is no master secret');
    return Buffer.concat([head, macOf(key, head)]).toString('base64url');
  }

  /** The id of the device; undefined for whatever this service did not write. */
  read(text: string): string | undefined {
    if (!SHAPE.test(text)) return undefined;
    const bytes = Buffer.from(text, 'base64url');
    const head = bytes.subarray(0, HEAD_BYTES);
    const mac = bytes.subarray(HEAD_BYTES);
    if (head[0] !== FORMAT || !this.#keys.some((key) => timingSafeEqual(macOf(key, head), mac))) return undefined;
    return head.toString('hex', 1).replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
  }
}

function macOf(key: Buffer, head: Buffer): Buffer {
  return createHmac('sha256', key).update(head).digest().subarray(0, MAC_BYTES);
}
