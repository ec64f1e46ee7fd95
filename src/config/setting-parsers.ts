import ipaddr from 'ipaddr.js';
import { isIP } from 'node:net';
import { resolve } from 'node:path';
import { weakSecretReason } from './weak-secrets.js';

/** Of proxies that may say whom others are counted as. */
const WIDEST_IPV4_PREFIX = 8;
const WIDEST_IPV6_PREFIX = 16;

/** One setting: how it is documented and how its text becomes a value. */
export interface Setting<Value> {
  readonly about: string;
  /** The value when the environment has none; absent means optional, and `unset` says what happens then. */
  readonly fallback?: Value;
  readonly unset?: string;
  /** Whether `NAME_FILE` may name a file that holds the value. */
  readonly secret: boolean;
  /** @throws {RangeError} whose message completes "NAME …" and never repeats the value. */
  readonly parse: (text: string) => Value;
}

interface Described {
  about: string;
  unset?: string;
}
type Defaulted<Value> = Described & { default: Value };
type Required<Value> = Setting<Value> & { readonly fallback: Value };

function refuse(reason: string): never {
  throw new RangeError(reason);
}

function build<Value>(
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

/** Control characters, those without a width, and line ends: what no editor shows and nobody means. */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u;

/** For a value that would be taken as it is, with all that a copy brought along. */
function requirePlain(value: string): string {
  if (value !== value.trim()) refuse('begins or ends with a blank or a line break: take it out');
  if (UNSEEN.test(value))
    refuse('holds a character that is not shown, such as a tab or a blank without width: type it anew');
  return value;
}

/** One value; a comma is part of it. */
export function text(options: Defaulted<string>): Required<string>;
export function text(options: Described): Setting<string>;
export function text(options: Described & { default?: string }): Setting<string> {
  return build(options, (value) => {
    const isHalf = value.includes(',') && value.split(',').some((part) => part.trim() === '');
    return isHalf
      ? refuse('has a comma with nothing before or after it: it is one value, and no list')
      : requirePlain(value);
  });
}

/** An absolute or relative folder; the default, too, is resolved against the working directory when it is read. */
export function path(options: Defaulted<string>): Required<string> {
  return build(options, (value) => resolve(requirePlain(value))) as Required<string>;
}

export function url(options: Defaulted<string>): Required<string> {
  return build(options, (value) => {
    const isUrl = /^https?:\/\/[^\s/\\?#]\S*$/i.test(requirePlain(value)) && URL.canParse(value);
    return isUrl ? value : refuse('is not an http or https URL, such as https://accounts.example.com');
  }) as Required<string>;
}

export function integer(options: Defaulted<number> & { min: number; max: number }): Required<number>;
export function integer(options: Described & { min: number; max: number }): Setting<number>;
export function integer(options: Described & { default?: number; min: number; max: number }): Setting<number> {
  const { min, max } = options;
  return build(options, (value) => {
    const number = /^\d{1,10}$/.test(value) ? Number(value) : Number.NaN;
    return number >= min && number <= max ? number : refuse(`is not a whole number from ${min} to ${max}`);
  });
}

const flags: Record<string, boolean> = { on: true, true: true, '1': true, off: false, false: false, '0': false };

export function flag(options: Defaulted<boolean>): Required<boolean>;
export function flag(options: Described): Setting<boolean>;
export function flag(options: Described & { default?: boolean }): Setting<boolean> {
  return build(options, (value) => flags[value.toLowerCase()] ?? refuse('is neither on (true, 1) nor off (false, 0)'));
}

export function oneOf<const Value extends string>(
  options: Defaulted<Value> & { values: readonly Value[] },
): Required<Value> {
  const { values } = options;
  return build(options, (value) => {
    const known = values.find((candidate) => candidate === value);
    return known ?? refuse(`is none of ${values.join(', ')}`);
  }) as Required<Value>;
}

/** An address to listen on, or a name of one; IPv6 with or without the brackets of a URL. */
export function host(options: Defaulted<string>): Required<string> {
  return build(options, (value) => {
    const bare = /^\[(.*)\]$/.exec(value)?.[1] ?? value;
    const isKnown = isIP(bare) === 6 || (bare === value && /^[\w.-]+$/.test(value));
    return isKnown ? bare : refuse('is neither an address nor a name of this machine, without port or path');
  }) as Required<string>;
}

/** The entries of a comma-separated list; blanks around the commas are no part of them. `flawOf` completes "NAME …" about one. */
function list(value: string, flawOf: (entry: string) => string | undefined): readonly string[] {
  const entries = value.split(',').map((entry) => entry.trim());
  for (const [index, entry] of entries.entries()) {
    const flaw = entry === '' ? 'is empty: a comma stands between two entries alone' : flawOf(entry);
    const place = entries.length > 1 ? `(entry ${index + 1} of ${entries.length}) ` : '';
    if (flaw !== undefined) refuse(`${place}${flaw}`);
  }
  return Object.freeze(entries);
}

/** IP addresses or networks (RFC 4632), comma-separated. */
export function networks(options: Described): Setting<readonly string[]> {
  return build(options, (value) => list(value, invalidNetworkReason));
}

function invalidNetworkReason(entry: string): string | undefined {
  if (/^[a-z_][\w.-]*$/i.test(entry)) {
    return 'is a name, and names are not looked up: give the address of the proxy, such as 192.0.2.10, or its network, such as 10.0.0.0/8';
  }
  if (!isNetwork(entry)) {
    return 'is neither an IP address nor a network as CIDR, in full and without port, zone or brackets: such as 192.0.2.10, 10.0.0.0/8, 2001:db8::/32';
  }
  if (!isWide(entry)) return undefined;
  return 'is a network wider than /8, in IPv6 /16, and whoever is in it could choose the address they are counted under: give the networks that your proxies alone are in';
}

function isNetwork(part: string): boolean {
  const [address = '', prefix, ...rest] = part.split('/');
  const family = isIP(address);
  const isPrefix = prefix === undefined || (/^\d{1,3}$/.test(prefix) && Number(prefix) <= (family === 6 ? 128 : 32));
  return family !== 0 && !address.includes('%') && isPrefix && rest.length === 0;
}

/** Unique local and link-local addresses (RFC 4193, RFC 4291): of nobody who comes from elsewhere. */
const PRIVATE = [ipaddr.IPv6.parseCIDR('fc00::/7'), ipaddr.IPv6.parseCIDR('fe80::/10')];
/** Where IPv6 holds IPv4. */
const MAPPED = ipaddr.IPv6.parse('::ffff:0:0');
const MAPPED_PREFIX = 96;

function isWide(part: string): boolean {
  if (!part.includes('/')) return false;
  const [address, prefix] = ipaddr.parseCIDR(part);
  if (address instanceof ipaddr.IPv4) return prefix < WIDEST_IPV4_PREFIX;
  if (address.isIPv4MappedAddress() && prefix >= MAPPED_PREFIX) return prefix < MAPPED_PREFIX + WIDEST_IPV4_PREFIX;
  const isPrivate = PRIVATE.some(([network, least]) => prefix >= least && address.match(network, least));
  return MAPPED.match(address, prefix) || (prefix < WIDEST_IPV6_PREFIX && !isPrivate);
}

/** What no browser names as an origin: such pages are `null` to it. */
const OPAQUE = /^(?:about|blob|data|file|ftp|javascript|wss?):/i;

/** Origins of pages (RFC 6454), comma-separated, as browsers and the apps built on them write them. */
export function origins(options: Described): Setting<readonly string[]> {
  return build(options, (value) => list(value, invalidOriginReason));
}

function invalidOriginReason(entry: string): string | undefined {
  if (entry.includes('*')) {
    return 'has a *, and nothing is matched by a pattern: list each origin in full, such as https://app.example.com';
  }
  if (!/^[a-z][a-z\d+.-]*:\/\/./i.test(entry)) return `is no origin, which has a scheme and a host: ${AS_ORIGIN}`;
  if (OPAQUE.test(entry)) return 'has a scheme whose pages browsers give no origin, so that it would match nothing';
  if (/^[^:]+:\/\/[^/?#]*[/?#]/.test(entry)) {
    return 'has something behind the host, if only a slash, which browsers do not send: end it with the host or its port, such as https://app.example.com';
  }
  if (isOrigin(entry)) return undefined;
  return `is not written as browsers send it, and would match nothing: in lower case, without user, without :443 of https and :80 of http, a name of other letters as xn--…; ${AS_ORIGIN}`;
}

const AS_ORIGIN = 'write it such as https://app.example.com, http://localhost:5173 or capacitor://localhost';

function isOrigin(part: string): boolean {
  if (/^https?:/.test(part)) return URL.canParse(part) && new URL(part).origin === part;
  return /^[a-z][a-z\d+.-]*:\/\/[\w.-]+(?::\d{1,5})?$/.test(part);
}

/** A text that must not be shown, such as a URL with a password. */
export function secret(options: Described & { check: (value: string) => string | undefined }): Setting<string> {
  return build(
    options,
    (value) => {
      const flaw = options.check(value);
      return flaw === undefined ? value : refuse(flaw);
    },
    true,
  );
}

/** One or two secrets, comma-separated, the new one first: each of 32 bytes or more and no known sample (CFG-01). */
export function secrets(options: Described): Setting<readonly string[]> {
  return build(
    options,
    (value) => {
      const values = value.split(',').map((part) => part.trim());
      if (values.length > 2) refuse('holds more than two values: a comma separates a new one from an old one');
      for (const part of values) {
        const flaw = part === '' ? 'is empty' : weakSecretReason(part);
        if (flaw === undefined) continue;
        refuse(
          values.length === 1
            ? flaw
            : `holds a comma, which separates a new value from an old one, and one of the two ${flaw}`,
        );
      }
      return Object.freeze(values);
    },
    true,
  );
}
