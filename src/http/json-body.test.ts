import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Problem } from '../problems/problem.js';
import { findJsonFlaw } from '../verifier/json-flaws.js';
import { MAX_BODY_JSON_DEPTH, parseJsonBody } from './json-body.js';

const bytes = (text: string): Buffer => Buffer.from(text, 'utf8');

function codeOf(body: Buffer): string | undefined {
  try {
    parseJsonBody(body);
    return undefined;
  } catch (error) {
    if (error instanceof Problem) return error.kind.code;
    throw error;
  }
}

/**
 * Values that strict JSON accepts: well-formed strings without U+0000, nesting below the limit, no
 * name that reaches a prototype.
 */
const text = fc.string({ unit: 'grapheme' }).filter((value) => value.isWellFormed() && !value.includes('\0'));
const name = text.filter((value) => value !== '__proto__' && value !== 'prototype');
const leaf = fc.oneof(
  text,
  fc.integer(),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.boolean(),
  fc.constant(null),
);
const { value: acceptedValue } = fc.letrec((tie) => ({
  value: fc.oneof({ maxDepth: 6 }, leaf, fc.array(tie('value')), fc.dictionary(name, tie('value'))),
}));

/** The string with every UTF-16 unit escaped. */
function escaped(value: string): string {
  const units = Array.from({ length: value.length }, (_, at) => value.charCodeAt(at));
  return `"${units.map((unit) => String.raw`\u${unit.toString(16).padStart(4, '0')}`).join('')}"`;
}

describe('strict JSON', () => {
  it('parses every accepted text as JSON.parse does', () => {
    fc.assert(
      fc.property(acceptedValue, fc.constantFrom(0, 2), (value, indent) => {
        const json = JSON.stringify(value, undefined, indent);
        expect(parseJsonBody(bytes(json))).toEqual(JSON.parse(json));
      }),
    );
  });

  it('refuses what JSON.parse refuses, and throws nothing but a Problem, whatever the bytes', () => {
    const nearJson = fc.stringMatching(/^[[\]{}",:\\u0-9a-f\s]{0,60}$/).map(bytes);
    fc.assert(
      fc.property(
        fc.oneof(
          fc.uint8Array().map((raw) => Buffer.from(raw)),
          nearJson,
        ),
        (body) => {
          const code = codeOf(body);
          if (code === undefined) expect(parseJsonBody(body)).toEqual(JSON.parse(body.toString('utf8')));
          else expect(code).toBe('json_malformed');
        },
      ),
      { numRuns: 2000 },
    );
  });

  it('refuses any object with a duplicate name, escaped or not', () => {
    fc.assert(
      fc.property(fc.dictionary(name, leaf, { minKeys: 1 }), fc.nat(), (object, pick) => {
        const names = Object.keys(object);
        const again = names[pick % names.length] ?? '';
        const json = `${JSON.stringify(object).slice(0, -1)},${escaped(again)}:1}`;
        expect(JSON.parse(json)).toBeTypeOf('object');
        expect(codeOf(bytes(json))).toBe('json_malformed');
      }),
    );
  });

  it('parses escaped names and values', () => {
    fc.assert(
      fc.property(fc.dictionary(name, text), (object) => {
        const members = Object.entries(object).map(([key, value]) => `${escaped(key)}:${escaped(value)}`);
        expect(parseJsonBody(bytes(`{${members.join(',')}}`))).toEqual({ ...object });
      }),
    );
  });

  it.each([
    ['a repeated name', '{"a":1,"a":2}'],
    ['a name repeated in an escaped spelling', String.raw`{"email":1,"\u0065mail":2}`],
    ['a name repeated deep inside', '{"a":[{"b":{"c":1,"d":[],"c":2}}]}'],
    ['a name repeated after a nested object', '{"a":{"x":1},"b":[{}],"a":1}'],
    ['an escaped U+0000 in a value', String.raw`{"a":"x\u0000"}`],
    ['an escaped U+0000 in a name', String.raw`{"\u0000":1}`],
    ['a lone high surrogate', String.raw`["\ud800"]`],
    ['a lone low surrogate', String.raw`["\udc00x"]`],
    ['surrogates in the wrong order', String.raw`["\udc00\ud800"]`],
    ['__proto__', '{"__proto__":{"isAdmin":true}}'],
    ['__proto__ in escapes', String.raw`{"\u005f_proto__":1}`],
    ['constructor.prototype', '{"constructor":{"prototype":{"isAdmin":true}}}'],
    ['nesting over the limit', '['.repeat(MAX_BODY_JSON_DEPTH + 1) + ']'.repeat(MAX_BODY_JSON_DEPTH + 1)],
    ['an unclosed string', '{"a":"b'],
    ['an unclosed escape', '"\\'],
    ['a broken escape', String.raw`"\u12"`],
    ['a raw control character', '"a\u0001"'],
    ['a trailing comma', '[1,]'],
    ['a comment', '/**/{}'],
    ['two values', '{}{}'],
    ['a byte order mark', '\uFEFF{}'],
    ['nothing', ''],
    ['white space', '  '],
    ['a single quote', "{'a':1}"],
    ['NaN', '[NaN]'],
  ])('refuses %s', (_case, json) => {
    expect(codeOf(bytes(json))).toBe('json_malformed');
  });

  it.each([
    ['an overlong NUL', [0x22, 0xc0, 0x80, 0x22]],
    ['an encoded surrogate', [0x22, 0xed, 0xa0, 0x80, 0x22]],
    ['a truncated sequence', [0x22, 0xe2, 0x82, 0x22]],
    ['UTF-16', [0x22, 0x00, 0x61, 0x00, 0x22, 0x00]],
  ])('refuses bytes that are %s', (_case, raw) => {
    expect(codeOf(Buffer.from(raw))).toBe('json_malformed');
  });

  it.each([
    ['a surrogate pair in escapes', String.raw`["\ud83d\ude00"]`],
    ['the same name in sibling objects', '[{"a":1},{"a":1}]'],
    ['the same name in parent and child', '{"a":{"a":{"a":1}}}'],
    ['a value equal to a name', '{"a":"a","b":["a","b"]}'],
    ['nesting at the limit', '['.repeat(MAX_BODY_JSON_DEPTH) + ']'.repeat(MAX_BODY_JSON_DEPTH)],
    ['brackets, quotes and commas in strings', String.raw`{"[{\",":"}],\\"}`],
    ['a number out of range', '[1e999]'],
    ['constructor alone', '{"constructor":1,"prototype":2}'],
    ['a member after constructor.x', '{"constructor":{"x":1}}'],
  ])('accepts %s', (_case, json) => {
    expect(parseJsonBody(bytes(json))).toEqual(JSON.parse(json));
  });

  it('checks 16 KiB of the worst input in well under 20 ms', () => {
    const size = 16 * 1024;
    const worst = [
      '['.repeat(size),
      '"\\u0061",'.repeat(size / 9),
      `{${Array.from({ length: size / 10 }, (_, index) => `"${index.toString(36)}":0`).join(',')}}`,
      `"${'\\'.repeat(size - 2)}"`,
      `"${'\\u0061'.repeat(size / 6)}`,
      '"'.repeat(size),
      '{"":'.repeat(size / 4),
      '{},'.repeat(size / 3),
    ].map(bytes);
    for (const body of worst) {
      const milliseconds = Array.from({ length: 5 }, () => {
        const start = performance.now();
        codeOf(body);
        return performance.now() - start;
      });
      // The best of five: others may have shared their core.
      expect(Math.min(...milliseconds)).toBeLessThan(20);
    }
  });

  it('says what is wrong without repeating the text', () => {
    expect(findJsonFlaw('{"secret":1,"secret":2}', MAX_BODY_JSON_DEPTH)).toBe(
      'A member name appears twice in one object.',
    );
    expect(findJsonFlaw('{"a":1}', MAX_BODY_JSON_DEPTH)).toBeUndefined();
    expect(findJsonFlaw('"\uD800"', MAX_BODY_JSON_DEPTH)).toContain('ill-formed');
  });
});
