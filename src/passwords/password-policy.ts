import { contextWordsOf } from './context-words.js';
import { readPasswordBlocklist, type PasswordBlocklist } from './password-blocklist.js';
import { isPaddedWord, isConcatenation, isRepetition, isSequence } from './password-patterns.js';
import { normalizePassword } from './password-normalization.js';
import {
  passwordCommon,
  passwordContextual,
  passwordIllFormed,
  passwordShorterThan,
  passwordTooLong,
} from './passwords.problems.js';

/** NIST SP 800-63B-4 section 3.1.1.2 asks for at least 64. At four bytes each, at most 1024 bytes are hashed. */
export const MAX_PASSWORD_CODE_POINTS = 256;

/**
 * No character of NFC decomposes into more than six UTF-16 units, so a longer text is too
 * long without being normalized.
 */
const MAX_UTF16_UNITS = MAX_PASSWORD_CODE_POINTS * 6;

/** Whether a password has more than 256 code points in NFC. Takes no time on a text of any size. */
function isPasswordTooLong(password: string): boolean {
  return password.length > MAX_UTF16_UNITS || Array.from(normalizePassword(password)).length > MAX_PASSWORD_CODE_POINTS;
}

/** Whether a text could be a password under any settings. Any other is never hashed. */
export function isHashablePassword(password: string): boolean {
  return password.isWellFormed() && !isPasswordTooLong(password);
}

/** The user a new password is for. */
export interface PasswordOwner {
  readonly email: string;
}

/**
 * The rules for a new password (NIST SP 800-63B-4 section 3.1.1.2, ASVS 6.2): length and a blocklist, no
 * composition rules. The blocklist is compared with the whole password, never with a part, and ignores
 * case, which attackers vary first.
 */
export class PasswordPolicy {
  readonly #blocklist: PasswordBlocklist;

  constructor(private readonly minLength: number) {
    this.#blocklist = readPasswordBlocklist(minLength);
  }

  /** @throws Problem `password_too_short`, `password_too_long`, `password_common`, `password_contextual` */
  checkPassword(password: string, { email }: PasswordOwner): void {
    if (!password.isWellFormed()) throw passwordIllFormed();
    if (isPasswordTooLong(password)) throw passwordTooLong();
    const normalized = normalizePassword(password);
    if (Array.from(normalized).length < this.minLength) throw passwordShorterThan(this.minLength);
    const folded = normalized.toLowerCase();
    if (this.#isCommon(folded)) throw passwordCommon();
    if (this.#isContextual(folded, contextWordsOf(email))) throw passwordContextual();
  }

  #isCommon(text: string): boolean {
    const { listed, mostCommon } = this.#blocklist;
    const isCommonPart = (part: string): boolean => mostCommon.has(part);
    return (
      listed.has(text) || isSequence(text) || isRepetition(text, isCommonPart) || isConcatenation(text, isCommonPart)
    );
  }

  #isContextual(text: string, words: ReadonlySet<string>): boolean {
    const isGuessablePart = (part: string): boolean => words.has(part) || this.#blocklist.mostCommon.has(part);
    const isPaddedContextWord = words.values().some((word) => isPaddedWord(text, word));
    return isPaddedContextWord || isRepetition(text, isGuessablePart) || isConcatenation(text, isGuessablePart);
  }
}
