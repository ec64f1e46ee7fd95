import { describe, expect, it } from 'vitest';
import { Problem } from '../problems/problem.js';
import { checkStoredJson, type StoredJson } from './stored-json.js';

function flawOf(value: unknown): string | undefined {
  try {
    checkStoredJson(value as StoredJson, '/profile');
    return undefined;
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    expect([error.kind.code, error.errors?.[0]?.pointer]).toEqual(['validation_failed', '/profile']);
    return error.errors?.[0]?.detail;
  }
}

/** Lists in an object, nested this deep altogether. */
const nested = (depth: number): unknown => ({
  a: JSON.parse('['.repeat(depth - 1) + ']'.repeat(depth - 1)) as unknown,
});
const cyclic: Record<string, unknown> = {};
cyclic['self'] = cyclic;
const TOO_LONG = 'Must have at most 4096 bytes as JSON.';
const NO_OBJECT = 'Must be a JSON object.';
const NOT_JSON = 'Must consist of texts, finite numbers, booleans, null, lists and objects.';
const TOO_DEEP = 'Must be nested at most 8 levels deep.';

describe('JSON in the row of a user', () => {
  it.each<[unknown]>([
    [{}],
    [{ a: null, b: true, c: -1.5, d: 'ä', e: [1, 'x', { f: [] }] }],
    [nested(8)],
    [{ a: 'x'.repeat(4096 - 8) }],
    [{ a: 1e300, b: 5e-324 }],
    [Object.assign(Object.create(null) as object, { a: 1 })],
  ])('may be %j', (value) => {
    expect(flawOf(value)).toBeUndefined();
  });

  it.each<[string, unknown, string]>([
    ['nested too deep', nested(9), TOO_DEEP],
    ['an object that contains itself', cyclic, TOO_DEEP],
    ['a byte too long', { a: 'x'.repeat(4096 - 7) }, TOO_LONG],
    ['a list of many items', { a: Array(200_000).fill(0) }, TOO_LONG],
    ['too long in UTF-8', { a: 'ä'.repeat(2045) }, TOO_LONG],
    ['numbers of many digits', { a: Array.from({ length: 14 }, () => 1e300) }, TOO_LONG],
    ['fractions of many digits', { a: Array.from({ length: 14 }, () => 1e-300) }, TOO_LONG],
    ['a number that is none', { a: Number.NaN }, NOT_JSON],
    ['a number beyond all', { a: [Number.POSITIVE_INFINITY] }, NOT_JSON],
    ['a member without a value', { a: undefined }, NOT_JSON],
    ['a date', { a: new Date(0) }, NOT_JSON],
    ['a bigint', { a: 1n }, NOT_JSON],
    ['a function', { toJSON: () => ({}) }, NOT_JSON],
    ['a list', [1], NO_OBJECT],
    ['null', null, NO_OBJECT],
    ['a text', 'a', NO_OBJECT],
    ['U+0000', { a: '\0' }, 'Must be usable JSON.'],
    ['half a character', { a: '\ud800' }, 'Must be usable JSON.'],
    ['a name that reaches a prototype', JSON.parse('{"__proto__":1}') as unknown, 'Must be usable JSON.'],
  ])('may not be %s', (_case, value, detail) => {
    expect(flawOf(value)).toBe(detail);
  });
});
