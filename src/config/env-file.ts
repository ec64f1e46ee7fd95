import { parseEnv } from 'node:util';
import { readUtf8File } from './utf8-file.js';

/** Names and values of a `.env` file, and what in it would not be read as it is meant: `line 3 …`, never a value. */
export interface EnvFile {
  readonly values: Readonly<Record<string, string | undefined>>;
  readonly problems: readonly string[];
}

const NAME = /^[A-Za-z_][\w.-]*$/;
/** What Node's parser takes for the beginning of an assignment. */
const ASSIGNMENT = /^[ \t]*(?:export +)?([^=]*?)[ \t]*=[ \t]*(.*)$/;

/**
 * Reads a `.env` file as Node does, and finds what Node would drop, cut off or overrule in silence. Names other than `ours` are others':
 * their values are as they may be, but for a quote that is not closed, which swallows the lines after it.
 */
export function readEnvFile(path: string, ours: ReadonlySet<string>): EnvFile {
  let text: string;
  try {
    text = readUtf8File(path) ?? '';
  } catch (error) {
    return { values: {}, problems: [(error as RangeError).message] };
  }
  return { values: parseEnv(text), problems: flawsOf(text, ours) };
}

interface Assignment {
  readonly name: string;
  readonly value: string;
  readonly line: number;
}

function flawsOf(text: string, ours: ReadonlySet<string>): string[] {
  const problems: string[] = [];
  const lineOf = new Map<string, number>();
  const lines = text.split(/\r?\n/);
  for (let at = 0; at < lines.length; at++) {
    const line = lines[at] ?? '';
    if (/^\s*(?:#.*)?$/.test(line)) continue;
    const [, name = '', value = ''] = ASSIGNMENT.exec(line) ?? [];
    const found: Assignment = { name, value, line: at + 1 };
    if (!NAME.test(name) || line.includes('\r')) {
      problems.push(`line ${at + 1} is not written NAME=value`);
      continue;
    }
    const end = lastLine(lines, at, value, isOurs(name, ours));
    const flaw =
      end === undefined ? 'has a quote that is not closed, or text after it' : flawOfName(found, ours, lineOf);
    if (flaw !== undefined) problems.push(`line ${at + 1} ${flaw}`);
    lineOf.set(name, at + 1);
    at = end ?? at;
  }
  return problems;
}

/**
 * Where a value that begins on this line ends; undefined when its quote is not closed, or not the last thing on a line but for a comment.
 * After another's quote that closes on the same line Node drops the text, which is theirs; on a later one it would have swallowed lines.
 */
function lastLine(lines: readonly string[], at: number, value: string, isNamedByUs: boolean): number | undefined {
  const [quote = ''] = /^["'`]/.exec(value) ?? [];
  if (quote === '') return at;
  const rest = [value.slice(1), ...lines.slice(at + 1)];
  const offset = rest.findIndex((line) => line.includes(quote));
  if (offset === 0 && !isNamedByUs) return at;
  const closing = rest[offset] ?? '';
  const isLast = /^\s*(?:#.*)?$/.test(closing.slice(closing.indexOf(quote) + 1));
  return offset !== -1 && isLast ? at + offset : undefined;
}

function isOurs(name: string, ours: ReadonlySet<string>): boolean {
  return ours.has(meantBy(name));
}

function meantBy(name: string): string {
  return name.toUpperCase().replaceAll(/[.-]/g, '_');
}

function flawOfName(
  { name, value, line }: Assignment,
  ours: ReadonlySet<string>,
  lineOf: ReadonlyMap<string, number>,
): string | undefined {
  if (!isOurs(name, ours)) return undefined;
  const meant = meantBy(name);
  if (meant !== name) return `names ${name}, which is written ${meant}`;
  if (lineOf.has(name)) return `gives ${name} a second time, after line ${lineOf.get(name) ?? line}`;
  return /^[^"'`].*\S#/.test(value)
    ? `has a # in the value of ${name}, where a comment begins: put the value in quotes`
    : undefined;
}
