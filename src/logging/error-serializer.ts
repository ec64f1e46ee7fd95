const MAX_CAUSE_DEPTH = 5;
/** Of a message and of a stack, in UTF-16 code units: a driver's error may quote a whole statement. */
const MAX_TEXT_LENGTH = 8192;

/** The members of an error that are logged. */
export interface LoggedError {
  readonly type: string;
  readonly message: string;
  readonly stack: string;
  readonly [member: string]: unknown;
}

/**
 * Keeps an error's name, code, message, stack and causes, and drops all other members: a database driver's error also
 * holds the row or its values, and so personal data and hashes.
 */
export function serializeError(error: unknown, depth = 0): LoggedError {
  if (!(error instanceof Error)) return { type: typeof error, message: '', stack: '' };
  const { name, message, stack = '', cause } = error;
  const code: unknown = Reflect.get(error, 'code');
  return {
    type: name,
    message: shortened(message),
    // Begins with the message, which would take the room of the frames.
    stack: shortened(message.length > MAX_TEXT_LENGTH ? stack.replace(message, '…') : stack),
    ...(typeof code === 'string' || typeof code === 'number' ? { code } : {}),
    ...(cause === undefined || depth === MAX_CAUSE_DEPTH ? {} : { cause: serializeError(cause, depth + 1) }),
  };
}

function shortened(text: string): string {
  return text.length > MAX_TEXT_LENGTH ? `${firstWords(text)}… (${text.length} characters)` : text;
}

/** Whole words: of a secret that is cut in two, redaction would not know the first half. */
function firstWords(text: string): string {
  let end = MAX_TEXT_LENGTH;
  while (end > 0 && !/\s/.test(text.charAt(end - 1))) end--;
  return text.slice(0, end);
}
