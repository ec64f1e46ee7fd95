import { TokenError } from './token-error.js';
import type { PreparedKey } from './verification-key.js';

/** Members that contain a key or the address of one (RFC 8725 section 3.10). */
const KEY_MEMBERS = ['jwk', 'jku', 'x5c', 'x5u'];

/** RFC 9068 section 4. This service writes the first. ID, refresh and reset tokens have neither. */
const ACCESS_TOKEN_TYPES: ReadonlySet<unknown> = new Set(['at+jwt', 'application/at+jwt']);

/**
 * Checks every rule about headers.
 * @returns the trusted key that the header names, or TokenError `header`, `unknown_key`
 */
export function keyForHeader(
  header: Readonly<Record<string, unknown>>,
  keys: ReadonlyMap<unknown, PreparedKey>,
): PreparedKey | TokenError {
  if (Object.hasOwn(header, 'crit')) return invalid('crit names what is not understood'); // RFC 7515 section 4.1.11
  if (Object.hasOwn(header, 'b64')) return invalid('b64 is not supported'); // RFC 7797 section 3
  if (Object.hasOwn(header, 'zip')) return invalid('zip is not supported'); // RFC 8725 section 3.6
  if (KEY_MEMBERS.some((name) => Object.hasOwn(header, name))) return invalid('the header contains a key');
  if (!ACCESS_TOKEN_TYPES.has(header['typ'])) return invalid('typ is not at+jwt'); // RFC 9068 section 4
  const key = keys.get(header['kid']);
  if (key === undefined) return new TokenError('unknown_key', 'kid names no trusted key'); // RFC 7515 section 4.1.4
  if (header['alg'] !== key.alg) return invalid('alg is not the one of the key'); // RFC 8725 section 3.1
  return key;
}

function invalid(reason: string): TokenError {
  return new TokenError('header', reason);
}
