import type { FieldError } from '../problems/problem.js';

/** Parameter names and values, decoded. Null prototype: `__proto__` is a name like any other. */
export type Query = Record<string, string>;

/** Longer targets are 414; Node cuts the whole header section at 16 KiB (431). */
export const MAX_TARGET_LENGTH = 4096;

/** What every request without a query shares, so that it costs a comparison. */
export const NO_QUERY: Query = Object.freeze(Object.create(null) as Query);

const MALFORMED = new WeakSet<Query>();
const REPEATED = new WeakMap<Query, Set<string>>();

/**
 * Fastify's `querystringParser`: application/x-www-form-urlencoded with every name at most once. It runs inside the
 * router, where a throw would end the process, so what is wrong is kept for {@link isMalformed} and {@link repeatedNames}.
 */
export function parseQuery(text: string): Query {
  // What is too long is refused without being looked at.
  if (text === '' || text.length > MAX_TARGET_LENGTH) return NO_QUERY;
  const query = Object.create(null) as Query;
  for (const pair of text.split('&')) if (pair !== '') addPair(query, pair);
  return query;
}

/** Whether a percent-encoding is broken, is not UTF-8 or stands for U+0000. Raw bytes never get past Node's own parser. */
export function isMalformed(query: Query): boolean {
  return MALFORMED.has(query);
}

/** One flaw per name that was given more than once. */
export function repeatedNames(query: Query): FieldError[] {
  return Array.from(REPEATED.get(query) ?? [], (name) => ({
    pointer: `?${name}`,
    detail: 'Give this parameter once.',
  }));
}

/** One flaw per parameter, for a route that has none. */
export function unexpectedNames(query: Query): FieldError[] {
  return Object.keys(query).map((name) => ({ pointer: `?${name}`, detail: 'This parameter is not known here.' }));
}

function addPair(query: Query, pair: string): void {
  const equals = pair.indexOf('=');
  const name = decode(equals === -1 ? pair : pair.slice(0, equals));
  const value = decode(equals === -1 ? '' : pair.slice(equals + 1));
  if (name === undefined || value === undefined) MALFORMED.add(query);
  else if (name in query) noteRepeated(query, name);
  else query[name] = value;
}

function noteRepeated(query: Query, name: string): void {
  const names = REPEATED.get(query) ?? new Set();
  REPEATED.set(query, names.add(name));
}

function decode(text: string): string | undefined {
  try {
    const value = decodeURIComponent(text.replaceAll('+', ' '));
    return value.includes('\0') ? undefined : value;
  } catch {
    return undefined;
  }
}
