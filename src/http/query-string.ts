import type { FieldError } from '../problems/problem.js';
import { MAX_TARGET_LENGTH } from './uri-and-header-limits.js';

/** Parameter names and values, decoded. Null prototype: `__proto__` is a name like any other. */
export type Query = Record<string, string>;

/** The query of every request without one, so that the check for it is one comparison. */
export const NO_QUERY: Query = Object.freeze(Object.create(null) as Query);

const MALFORMED = new WeakSet<Query>();
const REPEATED = new WeakMap<Query, Set<string>>();

/**
 * Fastify's `querystringParser`: application/x-www-form-urlencoded with every name at most once. It runs
 * inside the router, where an exception would end the process, so errors are kept for {@link isMalformed}
 * and {@link repeatedParameters}.
 */
export function parseQuery(text: string): Query {
  // `checkHeadLimits` refuses a target that is too long.
  if (text === '' || text.length > MAX_TARGET_LENGTH) return NO_QUERY;
  const query = Object.create(null) as Query;
  for (const pair of text.split('&')) if (pair !== '') addPair(query, pair);
  return query;
}

/** Whether a percent-encoding is broken, not UTF-8 or U+0000. Node's parser refuses raw bytes. */
export function isMalformed(query: Query): boolean {
  return MALFORMED.has(query);
}

/** One error per parameter that was given more than once. */
export function repeatedParameters(query: Query): FieldError[] {
  return Array.from(REPEATED.get(query) ?? [], (name) => ({
    pointer: `?${name}`,
    detail: 'Give this parameter once.',
  }));
}

/** One error per parameter, for a route without parameters. */
export function unexpectedParameters(query: Query): FieldError[] {
  return Object.keys(query).map((name) => ({ pointer: `?${name}`, detail: 'This parameter is not known here.' }));
}

function addPair(query: Query, pair: string): void {
  const equals = pair.indexOf('=');
  const name = decode(equals === -1 ? pair : pair.slice(0, equals));
  const value = decode(equals === -1 ? '' : pair.slice(equals + 1));
  if (name === undefined || value === undefined) MALFORMED.add(query);
  else if (name in query) addRepeated(query, name);
  else query[name] = value;
}

function addRepeated(query: Query, name: string): void {
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
