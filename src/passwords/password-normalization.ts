/**
 * The form in which a password is hashed and compared: NFC, the same from every keyboard (SP 800-63B-4 section
 * 3.1.1.2). Nothing is cut, trimmed or folded.
 */
export function normalizePassword(password: string): string {
  return password.normalize('NFC');
}
