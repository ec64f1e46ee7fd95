import { Inject, Injectable } from '@nestjs/common';
import { CONFIG, type Config } from '../config/config.js';
import { HmacToken, uuidAt } from '../secrets/hmac-token.js';

const FORMAT = 1;
const CONTENT_BYTES = 1 + 16;
/** 176 bits. */
const MAC_BYTES = 22;

/**
 * Encodes device tokens (OWASP's device cookie): a device that has logged in presents one at its next login. The token
 * names a row and grants no access: it only gives the login limits of its own, which nobody else can use up.
 */
@Injectable()
export class DeviceTokens {
  readonly #texts: HmacToken;

  constructor(@Inject(CONFIG) config: Config) {
    const format = { label: 'device-token', contentBytes: CONTENT_BYTES, macBytes: MAC_BYTES };
    this.#texts = new HmacToken(config.masterSecret, format);
  }

  /** Under the first master secret; {@link decodeDeviceToken} reads those of both. */
  encodeDeviceToken(deviceId: string): string {
    return this.#texts.encodeToken(Buffer.from(`0${FORMAT}${deviceId.replaceAll('-', '')}`, 'hex'));
  }

  /** The id of the device; undefined for a text that this service did not write. */
  decodeDeviceToken(text: string): string | undefined {
    const content = this.#texts.decodeToken(text);
    return content?.[0] === FORMAT ? uuidAt(content, 1) : undefined;
  }
}
