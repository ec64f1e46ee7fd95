import { parseEnv } from 'node:util';
import { readUtf8File } from './utf8-file.js';

/** The variables of a `.env` file, and its invalid lines: `line 3 …`, never with a value. */
export interface EnvFile {
  readonly values: Readonly<Record<string, string | undefined>>;
  readonly problems: readonly string[];
}

const NAME = /^[A-Za-z_][\w.-]*$/;
/** An assignment, as Node's parser recognises it. */
const ASSIGNMENT = /^[ \t]*(?:export +)?([^=]*?)[ \t]*=[ \t]*(.*)$/;

/**
 * Reads a `.env` file as Node does, and reports what Node would silently drop, cut off or overwrite. Variables
 * that are not in `ours` belong to other programs: only an unclosed quote in them is reported, because it
 * swallows the lines after it.
 */
export function readEnvFile(path: string, ours: ReadonlySet<string>): EnvFile {
  let text: string;
  try {
    text = readUtf8File(path) ?? '';
  } catch (error) {
    return { values: {}, problems: [(error as RangeError).message] };
  }
  return { values: parseEnv(text), problems: invalidLines(text, ours) };
}

interface Assignment {
  readonly name: string;
  readonly value: string;
  readonly line: number;
}

function invalidLines(text: string, ours: ReadonlySet<string>): string[] {
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
    const reason =
      end === undefined
        ? 'has an unclosed quote, or text after the closing quote'
        : invalidNameReason(found, ours, lineOf);
    if (reason !== undefined) problems.push(`line ${at + 1} ${reason}`);
    lineOf.set(name, at + 1);
    at = end ?? at;
  }
  return problems;
}

/**
 * The line on which a value that begins on this line ends; undefined if its quote is not closed, or is
 * followed by more than a comment. For another program's variable, text after a quote that closes on the same
 * line is accepted: Node drops it.
 */
function lastLine(lines: readonly string[], at: number, value: string, isOurVariable: boolean): number | undefined {
  const [quote = ''] = /^["'`]/.exec(value) ?? [];
  if (quote === '') return at;
  const rest = [value.slice(1), ...lines.slice(at + 1)];
  const offset = rest.findIndex((line) => line.includes(quote));
  if (offset === 0 && !isOurVariable) return at;
  const closing = rest[offset] ?? '';
  const isLast = /^\s*(?:#.*)?$/.test(closing.slice(closing.indexOf(quote) + 1));
  return offset !== -1 && isLast ? at + offset : undefined;
}

function isOurs(name: string, ours: ReadonlySet<string>): boolean {
  return ours.has(settingNameOf(name));
}

function settingNameOf(name: string): string {
  return name.toUpperCase().replaceAll(/[.-]/g, '_');
}

function invalidNameReason(
  { name, value, line }: Assignment,
  ours: ReadonlySet<string>,
  lineOf: ReadonlyMap<string, number>,
): string | undefined {
  if (!isOurs(name, ours)) return undefined;
  const meant = settingNameOf(name);
  if (meant !== name) return `has the name ${name}: write ${meant}`;
  if (lineOf.has(name)) return `sets ${name} again, after line ${lineOf.get(name) ?? line}: remove one`;
  return /^[^"'`].*\S#/.test(value)
    ? `has a # in the value of ${name}, which begins a comment: put the value in quotes`
    : undefined;
}
