import { isError, memberOf, textOf } from '../config/thrown-text.js';

const MAX_CAUSE_DEPTH = 5;
/** Of each member, in UTF-16 code units: a driver's error may quote a whole statement. */
const MAX_TEXT_LENGTH = 8192;
const ENDS_LENGTH = 256;

/** The members of an error that are logged. */
export interface LoggedError {
  readonly type: string;
  readonly message: string;
  readonly stack: string;
  readonly [member: string]: unknown;
}

/**
 * Keeps an error's name, code, message, stack and causes, and drops all other members: a database driver's error also
 * holds the row or its values, and so personal data and hashes. Takes anything that can be thrown: members may be no texts, or throw
 * when they are read.
 */
export function serializeError(error: unknown, depth = 0): LoggedError {
  if (!isError(error)) return { type: typeof error, message: '', stack: '' };
  const message = textOf(memberOf(error, 'message'));
  const code = memberOf(error, 'code');
  const cause = memberOf(error, 'cause');
  return {
    type: shortenedText(textOf(memberOf(error, 'name'))),
    message: shortenedText(message),
    stack: shortenedText(stackOf(error, message)),
    ...(typeof code === 'string' ? { code: shortenedText(code) } : typeof code === 'number' ? { code } : {}),
    ...(cause === undefined || depth === MAX_CAUSE_DEPTH ? {} : { cause: serializeError(cause, depth + 1) }),
  };
}

/** Begins with the message, which is left out where it would take the room of the frames. */
function stackOf(error: Error, message: string): string {
  const stack = memberOf(error, 'stack');
  if (typeof stack !== 'string') return '';
  if (message.length <= MAX_TEXT_LENGTH) return stack;
  // By its ends: to compare 50 MB takes a second.
  const begin = stack.indexOf(message.slice(0, ENDS_LENGTH));
  const end = begin + message.length;
  return begin !== -1 && stack.endsWith(message.slice(-ENDS_LENGTH), end)
    ? `${stack.slice(0, begin)}…${stack.slice(end)}`
    : stack;
}

/** A text of at most 8192 characters as it is; a longer one as its first words and its length. */
export function shortenedText(text: string): string {
  return text.length > MAX_TEXT_LENGTH ? `${firstWords(text)}… (${text.length} characters)` : text;
}

/** Whole words: of a secret that is cut in two, redaction would not know the first half. */
function firstWords(text: string): string {
  let end = MAX_TEXT_LENGTH;
  while (end > 0 && !/\s/.test(text.charAt(end - 1))) end--;
  return text.slice(0, end);
}
