import { Inject, Injectable } from '@nestjs/common';
import { CONFIG, type Config } from '../config/config.js';
import { HmacToken, uuidAt } from '../secrets/hmac-token.js';

/** The content of a refresh token: its session, and the number of exchanges before it. */
export interface RefreshTokenContent {
  readonly sessionId: string;
  readonly counter: number;
}

const FORMAT = 1;
const ID_BYTES = 16;
const CONTENT_BYTES = 1 + ID_BYTES + 4;
/** 192 bits. */
const MAC_BYTES = 24;

/**
 * Encodes and decodes refresh tokens, which are not stored. Each is format, session, counter and a MAC, so that the
 * successor of a token can be computed again (RFC 9700 section 4.14.2).
 */
@Injectable()
export class RefreshTokenCodec {
  readonly #hmacToken: HmacToken;

  constructor(@Inject(CONFIG) config: Config) {
    const format = { label: 'refresh-token', contentBytes: CONTENT_BYTES, macBytes: MAC_BYTES };
    this.#hmacToken = new HmacToken(config.masterSecret, format);
  }

  /** Uses the first master secret. The same content gives the same token. */
  encodeRefreshToken({ sessionId, counter }: RefreshTokenContent): string {
    const content = Buffer.alloc(CONTENT_BYTES);
    content.writeUInt8(FORMAT, 0);
    content.write(sessionId.replaceAll('-', ''), 1, 'hex');
    content.writeUInt32BE(counter, 1 + ID_BYTES);
    return this.#hmacToken.encodeToken(content);
  }

  /** Undefined for any text that this service did not encode. */
  decodeRefreshToken(text: string): RefreshTokenContent | undefined {
    const content = this.#hmacToken.decodeToken(text);
    if (content?.[0] !== FORMAT) return undefined;
    return { sessionId: uuidAt(content, 1), counter: content.readUInt32BE(1 + ID_BYTES) };
  }
}
