import { inspect } from 'node:util';

/**
 * What an error says, for a message of ours. Code of an application may throw anything, also what `String` cannot convert, such as
 * an object without a prototype: a catch that failed would be worse than the error.
 */
export function thrownText(thrown: unknown): string {
  const said: unknown = thrown instanceof Error ? thrown.message : thrown;
  return typeof said === 'string' ? said : inspect(said, { customInspect: false, getters: false });
}
