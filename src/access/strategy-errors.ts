import { types } from 'node:util';

/** What a strategy has thrown or refused with, as an Error: itself, or the cause of one. */
export function errorOfStrategy(thrown: unknown): Error {
  try {
    // An Error of another realm is none of ours.
    return thrown instanceof Error ? thrown : new Error('A Passport strategy failed', { cause: thrown });
  } catch (cause) {
    // A proxy that does not say what it is.
    return new Error('A Passport strategy failed', { cause });
  }
}

/**
 * Why what a strategy has returned as its user is none; undefined for anything that may be one. An Error is what the strategy
 * meant to throw, and a promise or a function what it forgot to await or to call.
 */
export function flawOfStrategyUser(user: unknown): Error | undefined {
  if (types.isNativeError(user) || user instanceof Error) return errorOfStrategy(user);
  if (typeof user === 'function') return new TypeError('A Passport strategy returned a function as its user');
  if (typeof (user as { readonly then?: unknown }).then !== 'function') return undefined;
  // Nobody waits for it: its rejection would end the process.
  if (user instanceof Promise) user.catch(() => undefined);
  return new TypeError('A Passport strategy returned a promise as its user');
}
