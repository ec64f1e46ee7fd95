import { Inject, Injectable } from '@nestjs/common';
import { CONFIG, type Config } from '../config/config.js';
import { HmacToken, uuidAt } from '../secrets/hmac-token.js';
import type { TokenPurpose } from './one-time-token.js';

const FORMAT = 1;
const CONTENT_BYTES = 1 + 16;
/** 176 bits. */
const MAC_BYTES = 22;

/**
 * Encodes and decodes the texts of one-time tokens: the id and an HMAC under a key of the purpose, so that a token of one purpose
 * is none of another.
 */
@Injectable()
export class OneTimeTokenCodec {
  readonly #texts: Readonly<Record<TokenPurpose, HmacToken>>;

  constructor(@Inject(CONFIG) { masterSecret }: Config) {
    const textsOf = (purpose: TokenPurpose): HmacToken => {
      const format = { label: `one-time-token ${purpose}`, contentBytes: CONTENT_BYTES, macBytes: MAC_BYTES };
      return new HmacToken(masterSecret, format);
    };
    this.#texts = {
      registration: textsOf('registration'),
      email_verification: textsOf('email_verification'),
      password_reset: textsOf('password_reset'),
      email_change: textsOf('email_change'),
      email_undo: textsOf('email_undo'),
      invitation: textsOf('invitation'),
    };
  }

  /** Under the first master secret; {@link decodeToken} reads those of both. */
  encodeToken(purpose: TokenPurpose, id: string): string {
    return this.#texts[purpose].encodeToken(Buffer.from(`0${FORMAT}${id.replaceAll('-', '')}`, 'hex'));
  }

  /** The id; undefined for a text that is no token of this purpose. */
  decodeToken(purpose: TokenPurpose, text: string): string | undefined {
    const content = this.#texts[purpose].decodeToken(text);
    return content?.[0] === FORMAT ? uuidAt(content, 1) : undefined;
  }
}
