import { requestMalformed } from '../problems/http-status.problems.js';
import type { ProblemFactory } from '../problems/problem.js';
import { readPasswordBlocklist, type PasswordBlocklist } from './password-blocklist.js';
import { isPaddedWord, isConcatenation, isRepetition, isSequence } from './password-patterns.js';
import { isPasswordTooLong, normalizePassword } from './password-normalization.js';
import { passwordCommon, passwordContextual, passwordTooLong, passwordTooShort } from './passwords.problems.js';

/** What checking a new password can answer, for the routes that take one. */
export const passwordProblems: readonly ProblemFactory[] = [
  passwordTooShort,
  passwordTooLong,
  passwordCommon,
  passwordContextual,
];

const SERVICE_NAME = 'gatehouse';

/** Whom a new password is for. */
export interface PasswordOwner {
  readonly email: string;
}

/**
 * The rules for a new password (NIST SP 800-63B-4 section 3.1.1.2, ASVS 6.2): length and a blocklist, no composition.
 * The blocklist compares whole passwords, never parts, and without case, since guessers vary case first.
 */
export class PasswordPolicy {
  readonly #blocklist: PasswordBlocklist;

  constructor(private readonly minLength: number) {
    this.#blocklist = readPasswordBlocklist(minLength);
  }

  /** @throws Problem `password_too_short`, `password_too_long`, `password_common`, `password_contextual` */
  checkPassword(password: string, { email }: PasswordOwner): void {
    if (!password.isWellFormed()) throw requestMalformed({ detail: 'The password is not well-formed Unicode.' });
    if (isPasswordTooLong(password)) throw passwordTooLong();
    const normalized = normalizePassword(password);
    if (Array.from(normalized).length < this.minLength) throw this.#tooShort();
    const folded = normalized.toLowerCase();
    if (this.#isCommon(folded)) throw passwordCommon();
    if (this.#isContextual(folded, wordsOf(email))) throw passwordContextual();
  }

  #tooShort(): Error {
    return passwordTooShort({ detail: `Use at least ${this.minLength} characters; a few words in a row will do.` });
  }

  #isCommon(text: string): boolean {
    const { listed, mostCommon } = this.#blocklist;
    const isKnown = (part: string): boolean => mostCommon.has(part);
    return listed.has(text) || isSequence(text) || isRepetition(text, isKnown) || isConcatenation(text, isKnown);
  }

  #isContextual(text: string, words: ReadonlySet<string>): boolean {
    const isKnown = (part: string): boolean => words.has(part) || this.#blocklist.mostCommon.has(part);
    const isDecoratedWord = words.values().some((word) => isPaddedWord(text, word));
    return isDecoratedWord || isRepetition(text, isKnown) || isConcatenation(text, isKnown);
  }
}

function wordsOf(email: string): ReadonlySet<string> {
  const address = normalizePassword(email).toLowerCase();
  return new Set([SERVICE_NAME, address, address.slice(0, address.lastIndexOf('@'))].filter((word) => word !== ''));
}
