import { isUtf8 } from 'node:buffer';
import { findJsonFlaw } from './json-flaws.js';
import { TokenError, type TokenErrorCode } from './token-error.js';

/**
 * Longer tokens are refused unparsed. A token of this service with a 4096-bit RSA signature and a 254-byte email
 * has fewer than 2000 characters.
 */
export const MAX_TOKEN_LENGTH = 4096;

/** Objects and arrays in a token's header and claims may nest this deep. */
export const MAX_TOKEN_JSON_DEPTH = 20;

/** The three parts of a compact JWS, still encoded in base64url. */
export interface CompactJws {
  readonly header: string;
  readonly payload: string;
  readonly signature: string;
  /** `header.payload`, which the signature covers. */
  readonly signingInput: string;
}

/**
 * Whether a text has the form of a compact JWS (RFC 7515 section 7.1): three parts and at most
 * {@link MAX_TOKEN_LENGTH} characters.
 */
export function isCompactJws(token: string): boolean {
  if (token.length > MAX_TOKEN_LENGTH) return false;
  const second = token.indexOf('.', token.indexOf('.') + 1);
  return second > 0 && !token.includes('.', second + 1);
}

/** @returns the parts, or TokenError `malformed` */
export function splitCompactJws(token: string): CompactJws | TokenError {
  if (!isCompactJws(token)) return new TokenError('malformed', 'the token is too long or not three parts');
  const first = token.indexOf('.');
  const second = token.indexOf('.', first + 1);
  return {
    header: token.slice(0, first),
    payload: token.slice(first + 1, second),
    signature: token.slice(second + 1),
    signingInput: token.slice(0, second),
  };
}

/**
 * Decodes base64url and refuses any but the canonical encoding (RFC 7515 section 2, RFC 4648 section 3.5). Node ignores
 * padding, white space, the other alphabet and trailing bits; comparing with the bytes encoded again detects them all.
 * @returns the bytes, or TokenError `malformed`
 */
export function decodeBase64url(text: string): Buffer | TokenError {
  const bytes = Buffer.from(text, 'base64url');
  if (bytes.toString('base64url') === text) return bytes;
  return new TokenError('malformed', 'a part is not canonical base64url');
}

/**
 * Parses a JSON object in strict UTF-8 without duplicate names (RFC 7519 section 4, RFC 7515 section 4).
 * @returns the object, or TokenError with the given code
 */
export function parseJsonObject(bytes: Buffer, code: TokenErrorCode): Record<string, unknown> | TokenError {
  if (!isUtf8(bytes)) return new TokenError(code, 'a part is not UTF-8');
  const text = bytes.toString('utf8');
  if (findJsonFlaw(text, MAX_TOKEN_JSON_DEPTH) !== undefined) return new TokenError(code, 'a part has ambiguous JSON');
  const value = parseJson(text);
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  return new TokenError(code, 'a part is not a JSON object');
}

/** Undefined for what is not JSON. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
