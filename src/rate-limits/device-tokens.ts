import { Inject, Injectable } from '@nestjs/common';
import { CONFIG, type Config } from '../config/config.js';
import { HmacToken, uuidAt } from '../secrets/hmac-token.js';

const FORMAT = 1;
const CONTENT_BYTES = 1 + 16;
/** 176 bits. */
const MAC_BYTES = 22;

/**
 * What a device that has logged in shows at its next login (OWASP's device cookie). It names a row and opens nothing: it only
 * spares its owner the limits that strangers can use up.
 */
@Injectable()
export class DeviceTokens {
  readonly #texts: HmacToken;

  constructor(@Inject(CONFIG) config: Config) {
    const format = { label: 'device-token', contentBytes: CONTENT_BYTES, macBytes: MAC_BYTES };
    this.#texts = new HmacToken(config.masterSecret, format);
  }

  /** Under the first master secret. */
  write(deviceId: string): string {
    return this.#texts.encodeToken(Buffer.from(`0${FORMAT}${deviceId.replaceAll('-', '')}`, 'hex'));
  }

  /** The id of the device; undefined for whatever this service did not write. */
  read(text: string): string | undefined {
    const content = this.#texts.decodeToken(text);
    return content?.[0] === FORMAT ? uuidAt(content, 1) : undefined;
  }
}
