import { inspect } from 'node:util';

export const UNREADABLE = 'a value that cannot be read';

/**
 * What an error says, for a message of ours. Code of an application may throw anything, also what `String` cannot convert, such as
 * an object without a prototype, or whose members cannot be read: a catch that failed would be worse than the error.
 */
export function thrownText(thrown: unknown): string {
  return textOf(isError(thrown) ? memberOf(thrown, 'message') : thrown);
}

/** Whether it is an error; a revoked `Proxy`, of which not even that can be asked, is none. */
export function isError(thrown: unknown): thrown is Error {
  try {
    return thrown instanceof Error;
  } catch {
    return false;
  }
}

/** A member of anything that was thrown; undefined where there is none, or reading it throws. */
export function memberOf(thrown: unknown, name: string): unknown {
  if (!isObject(thrown)) return undefined;
  try {
    return Reflect.get(thrown, name);
  } catch {
    return undefined;
  }
}

/** Also one without a prototype; unlike `instanceof` it never throws. */
export function isObject(value: unknown): value is object {
  return (typeof value === 'object' && value !== null) || typeof value === 'function';
}

/** A text as it is, and any other value as `inspect` shows it. */
export function textOf(value: unknown): string {
  if (typeof value === 'string') return value;
  try {
    return inspect(value, { customInspect: false, getters: false });
  } catch {
    return UNREADABLE;
  }
}
