import { isError, isObject, memberOf, textOf, UNREADABLE } from '../config/thrown-text.js';
import { shortenedText } from './error-serializer.js';

/** Written by pino before the members of a line, which would double them. */
const OF_EACH_LINE = ['level', 'time', 'pid', 'hostname'] as const;

/**
 * The arguments of a call of the logger, such that it does not throw. pino copies the message of an error to `msg` as it is, however
 * long, and throws where it cannot be read; and it writes a member of a line that is called as one of its own a second time. Neither may
 * depend on what an application throws or logs.
 */
export function safeLogArguments<Parameters extends unknown[]>(given: Parameters): Parameters {
  const [first] = given;
  return typeof first === 'object' && first !== null ? (argumentsOf(first, given) as Parameters) : given;
}

function argumentsOf(first: object, [, text, ...others]: unknown[]): unknown[] {
  const line = isError(first) || !isReadable(first, 'err') ? { err: first } : withoutOurs(first);
  const said = text === undefined && memberOf(line, 'msg') === undefined ? messageOf(memberOf(line, 'err')) : text;
  return [line, said, ...others];
}

function isReadable(value: object, name: string): boolean {
  try {
    Reflect.get(value, name);
    return true;
  } catch {
    return false;
  }
}

function withoutOurs(line: object): object {
  if (!OF_EACH_LINE.some((name) => Object.hasOwn(line, name))) return line;
  return Object.fromEntries(Object.entries(line).filter(([name]) => !OF_EACH_LINE.some((ours) => ours === name)));
}

/** What pino would copy; a text also where it could not. */
function messageOf(error: unknown): string | undefined {
  if (!isObject(error)) return undefined;
  if (!isReadable(error, 'message')) return UNREADABLE;
  const message = memberOf(error, 'message');
  if (typeof message === 'string') return shortenedText(message);
  return isError(error) ? shortenedText(textOf(message)) : undefined;
}
