const MAX_CAUSE_DEPTH = 5;

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
    message,
    stack,
    ...(typeof code === 'string' || typeof code === 'number' ? { code } : {}),
    ...(cause === undefined || depth === MAX_CAUSE_DEPTH ? {} : { cause: serializeError(cause, depth + 1) }),
  };
}
