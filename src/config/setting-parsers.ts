import { isIP } from 'node:net';
import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import { EMAIL_ADDRESS } from './email-address.js';
import { isSchemaName, SCHEMA_NAME_RULE } from './postgres-url-parameters.js';
import { NOTICES, type Notice } from './notices.js';
import { weakSecretReason } from './weak-secrets.js';

/** One setting: its documentation and how its text becomes a value. */
export interface Setting<Value> {
  readonly about: string;
  /** The default value. Without one the setting is optional, and `unset` says what applies then. */
  readonly fallback?: Value;
  readonly unset?: string;
  /** The values, bounds or form, for the documentation. */
  readonly allowed?: string;
  /** Whether `NAME_FILE` may name a file that holds the value. */
  readonly secret: boolean;
  /** @throws {RangeError} whose message completes "NAME …" and never repeats the value. */
  readonly parse: (text: string) => Value;
}

export interface Described {
  about: string;
  unset?: string;
  allowed?: string;
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
  const { about, unset, allowed } = options;
  const fallback = options.default;
  return {
    about,
    secret: isSecret,
    parse,
    ...(unset === undefined ? {} : { unset }),
    ...(allowed === undefined ? {} : { allowed }),
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

/** Control characters, zero-width characters and line ends: invisible in an editor. */
const INVISIBLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u;

/** For a value that is used unchanged, so that a copied invisible character would become part of it. */
function requirePlain(value: string): string {
  if (value !== value.trim()) reject('begins or ends with a blank or a line break: remove it');
  if (INVISIBLE.test(value))
    reject('has an invisible character, such as a tab or a zero-width space: type the value again');
  return value;
}

/** One value; a comma is part of it. */
export function text(options: Defaulted<string>): WithDefault<string>;
export function text(options: Described): Setting<string>;
export function text(options: Described & { default?: string }): Setting<string> {
  return defineSetting({ ...options, allowed: 'text' }, (value) => {
    const hasEmptyPart = value.includes(',') && value.split(',').some((part) => part.trim() === '');
    return hasEmptyPart
      ? reject('has a comma with nothing before or after it, but is one value and not a list: remove the comma')
      : requirePlain(value);
  });
}

/**
 * An absolute or relative folder. Relative ones, the default included, are resolved against the
 * working directory at the start.
 */
export function path(options: Defaulted<string>): WithDefault<string> {
  return defineSetting({ ...options, allowed: 'path' }, (value) => resolve(requirePlain(value))) as WithDefault<string>;
}

export function url(options: Defaulted<string>): WithDefault<string>;
export function url(options: Described): Setting<string>;
export function url(options: Described & { default?: string }): Setting<string> {
  return defineSetting({ ...options, allowed: 'http or https URL' }, (value) => {
    const isUrl = /^https?:\/\/[^\s/\\?#]\S*$/i.test(requirePlain(value)) && URL.canParse(value);
    return isUrl ? value : reject('is not an http or https URL, such as https://accounts.example.com');
  });
}

/** Of a page that gets a token in the place of `{token}`. */
export function linkUrl(options: Described): Setting<string> {
  return defineSetting({ ...options, allowed: 'URL with `{token}`' }, (value) => {
    const filled = requirePlain(value).replaceAll('{lang}', 'en');
    const isUrl = /^https?:\/\/[^\s/\\?#{}]+[/?#][^\s{}]*\{token\}[^\s{}]*$/i.test(filled);
    return isUrl && URL.canParse(filled)
      ? value
      : reject('is not a URL with {token} in it, such as https://app.example.com/reset#{token}');
  });
}

/** The {@link NOTICES} that are on. */
export function notices(options: Described & { default: readonly Notice[] }): WithDefault<readonly Notice[]> {
  const allowed = `${NOTICES.map((notice) => `\`${notice}\``).join(', ')}, or \`none\``;
  return defineSetting({ ...options, allowed }, (value): readonly Notice[] => {
    if (value === 'none') return Object.freeze([]);
    const known: readonly string[] = NOTICES;
    const names = parseList(value, (entry) =>
      known.includes(entry) ? undefined : `is not one of ${known.join(', ')}`,
    );
    return names as readonly Notice[];
  }) as WithDefault<readonly Notice[]>;
}

/** NaN if it is none. Leading zeros are refused, since other programs read 010 as 8. */
function wholeNumber(value: string): number {
  if (/^0\d+$/.test(value)) reject('begins with a zero: leave it out');
  return /^\d{1,10}$/.test(value) ? Number(value) : Number.NaN;
}

export function integer(options: Defaulted<number> & { min: number; max: number }): WithDefault<number>;
export function integer(options: Described & { min: number; max: number }): Setting<number>;
export function integer(options: Described & { default?: number; min: number; max: number }): Setting<number> {
  const { min, max } = options;
  return defineSetting({ ...options, allowed: `${min} to ${max}` }, (value) => {
    const number = wholeNumber(value);
    return number >= min && number <= max ? number : reject(`is not a whole number from ${min} to ${max}`);
  });
}

/** A number of processes; `auto` is one per core. */
export function processes(options: Defaulted<number> & { max: number }): WithDefault<number> {
  const { max } = options;
  return defineSetting({ ...options, allowed: `1 to ${max}, \`auto\`` }, (value) => {
    if (value === 'auto') return Math.min(availableParallelism(), max);
    const number = wholeNumber(value);
    return number >= 1 && number <= max ? number : reject(`is neither auto nor a whole number from 1 to ${max}`);
  }) as WithDefault<number>;
}

const flags: Record<string, boolean> = { on: true, true: true, '1': true, off: false, false: false, '0': false };

export function flag(options: Defaulted<boolean>): WithDefault<boolean>;
export function flag(options: Described): Setting<boolean>;
export function flag(options: Described & { default?: boolean }): Setting<boolean> {
  return defineSetting(
    { ...options, allowed: '`on`, `off`' },
    (value) => flags[value.toLowerCase()] ?? reject('is neither on (true, 1) nor off (false, 0)'),
  );
}

export function oneOf<const Value extends string>(
  options: Defaulted<Value> & { values: readonly Value[] },
): WithDefault<Value> {
  const { values } = options;
  const allowed = values.map((value) => `\`${value}\``).join(', ');
  return defineSetting({ ...options, allowed }, (value) => {
    const known = values.find((candidate) => candidate === value);
    return known ?? reject(`is not one of ${values.join(', ')}`);
  }) as WithDefault<Value>;
}

/** An address to listen on or a host name of it; IPv6 with or without the brackets of a URL. */
export function host(options: Defaulted<string>): WithDefault<string> {
  return defineSetting({ ...options, allowed: 'IP address or host name' }, (value) => {
    const bare = /^\[(.*)\]$/.exec(value)?.[1] ?? value;
    const isHost = isIP(bare) === 6 || (bare === value && /^[\w.-]+$/.test(value));
    return isHost
      ? bare
      : reject('is neither an IP address nor a host name of this machine: give one, without port or path');
  }) as WithDefault<string>;
}

export function emailAddress(options: Described): Setting<string> {
  return defineSetting({ ...options, allowed: 'email address' }, (value) =>
    EMAIL_ADDRESS.test(value) ? value : reject('is not an email address such as accounts@example.com, without a name'),
  );
}

/** The name of a PostgreSQL schema. */
export function schema(options: Described): Setting<string> {
  return defineSetting({ ...options, allowed: 'name' }, (value) =>
    isSchemaName(requirePlain(value)) ? value : reject(`is not the name of a schema: ${SCHEMA_NAME_RULE}`),
  );
}

/** A value that must not be shown, such as a URL with a password. `check` completes "NAME …" about an invalid one. */
export function secret(options: Described & { check: (value: string) => string | undefined }): Setting<string> {
  return defineSetting(
    options,
    (value) => {
      const reason = options.check(value);
      return reason === undefined ? value : reject(reason);
    },
    true,
  );
}

/**
 * One or two secrets, comma-separated, the new one first; each has at least 32 bytes and is no known sample (CFG-01).
 */
export function secrets(options: Described): Setting<readonly string[]> {
  return defineSetting(
    { ...options, allowed: 'one or two texts of at least 32 bytes' },
    (value) => {
      const values = value.split(',').map((part) => part.trim());
      if (values.length > 2) reject('has more than two values: give a new one and an old one, separated by a comma');
      for (const part of values) {
        const reason = part === '' ? 'is empty' : weakSecretReason(part);
        if (reason === undefined) continue;
        reject(
          values.length === 1
            ? reason
            : `has a comma, which separates a new value from an old one, and one of the two ${reason}`,
        );
      }
      return Object.freeze(values);
    },
    true,
  );
}
