import { normalizePassword } from './password-normalization.js';

const SERVICE_NAME = 'gatehouse';

/**
 * The words that a password of this user may not consist of: the name of the service, the address, and its local part
 * (NIST SP 800-63B-4 section 3.1.1.2, context-specific words).
 */
export function contextWordsOf(email: string): ReadonlySet<string> {
  const address = normalizePassword(email).toLowerCase();
  return new Set([SERVICE_NAME, address, address.slice(0, address.lastIndexOf('@'))].filter((word) => word !== ''));
}
