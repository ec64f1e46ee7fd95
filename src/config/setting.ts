/** One setting: its documentation and how its text becomes a value. */
export interface Setting<Value> {
  readonly about: string;
  /** The default value. Without one the setting is optional, and `unset` says what applies then. */
  readonly fallback?: Value;
  readonly unset?: string;
  /** Whether `NAME_FILE` may name a file that holds the value. */
  readonly secret: boolean;
  /** @throws {RangeError} whose message completes "NAME …" and never repeats the value. */
  readonly parse: (text: string) => Value;
}

export interface Described {
  about: string;
  unset?: string;
}
export type Defaulted<Value> = Described & { default: Value };
export type WithDefault<Value> = Setting<Value> & { readonly fallback: Value };

/** @throws {RangeError} with this reason, which completes "NAME …". */
export function reject(reason: string): never {
  throw new RangeError(reason);
}

export function defineSetting<Value>(
  options: Described & { default?: Value },
  parse: (text: string) => Value,
  isSecret = false,
): Setting<Value> {
  const { about, unset } = options;
  const fallback = options.default;
  return {
    about,
    secret: isSecret,
    parse,
    ...(unset === undefined ? {} : { unset }),
    ...(fallback === undefined ? {} : { fallback }),
  };
}

/**
 * The entries of a comma-separated list, without the blanks around the commas. `invalidReason`
 * completes "NAME …" about one entry.
 */
export function parseList(value: string, invalidReason: (entry: string) => string | undefined): readonly string[] {
  const entries = value.split(',').map((entry) => entry.trim());
  for (const [index, entry] of entries.entries()) {
    const reason = entry === '' ? 'is empty: remove the extra comma' : invalidReason(entry);
    const place = entries.length > 1 ? `(entry ${index + 1} of ${entries.length}) ` : '';
    if (reason !== undefined) reject(`${place}${reason}`);
  }
  return Object.freeze(entries);
}
