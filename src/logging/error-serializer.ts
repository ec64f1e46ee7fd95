const DEEPEST_CAUSE = 5;

/** What is logged of an error. */
export interface LoggedError {
  readonly type: string;
  readonly message: string;
  readonly stack: string;
  readonly [member: string]: unknown;
}

/**
 * An error's name, code, message, stack and causes, and nothing else it may carry. A driver's error also holds the row or the
 * values it is about, and so personal data and hashes.
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
    ...(cause === undefined || depth === DEEPEST_CAUSE ? {} : { cause: serializeError(cause, depth + 1) }),
  };
}
