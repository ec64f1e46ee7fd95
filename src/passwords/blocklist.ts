import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

/** ASVS 6.2.4 asks for the 3000 most common; as parts and as units they stand for millions of whole passwords. */
const MOST_COMMON = 3000;

export interface Blocklist {
  /** Listed passwords of legal length, in lower case. */
  readonly listed: ReadonlySet<string>;
  /** The most common of any length, in lower case: what longer guesses are made of. */
  readonly mostCommon: ReadonlySet<string>;
}

/**
 * Reads the list of `@zxcvbn-ts/language-common`: 49,233 breached passwords, the most common first, of which 17,950 have
 * 8 characters or more and 41 have 15. Keeps only what can matter; the rest, read as a file and not as a module, is freed.
 */
export function readBlocklist(minLength: number): Blocklist {
  const file = createRequire(import.meta.url).resolve('@zxcvbn-ts/language-common/src/passwords.json');
  const passwords = JSON.parse(readFileSync(file, 'utf8')) as string[];
  return {
    listed: new Set(passwords.filter((password) => password.length >= minLength)),
    mostCommon: new Set(passwords.slice(0, MOST_COMMON)),
  };
}
