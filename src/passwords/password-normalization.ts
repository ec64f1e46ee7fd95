/** NIST SP 800-63B-4 section 3.1.1.2 asks for 64 at least. At four bytes each this bounds what is hashed to 1024 bytes. */
export const MAX_PASSWORD_CODE_POINTS = 256;

/** No character of NFC takes more UTF-16 units than six to write, so what is longer need not be normalised to be too long. */
const MAX_UTF16_UNITS = MAX_PASSWORD_CODE_POINTS * 6;

/** What is hashed: NFC, so that a password is the same from every keyboard (SP 800-63B-4 section 3.1.1.2). Nothing is cut, trimmed or folded. */
export function normalizePassword(password: string): string {
  return password.normalize('NFC');
}

/** Whether a password has more than 256 code points. Says so of a text of any size in no time. */
export function isPasswordTooLong(password: string): boolean {
  return password.length > MAX_UTF16_UNITS || Array.from(normalizePassword(password)).length > MAX_PASSWORD_CODE_POINTS;
}

/** Whether a text can be somebody's password at all; what cannot is never hashed. */
export function isHashablePassword(password: string): boolean {
  return password.isWellFormed() && !isPasswordTooLong(password);
}
