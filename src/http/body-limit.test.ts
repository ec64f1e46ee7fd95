import fc from 'fast-check';
import { Type } from 'typebox';
import { describe, expect, it } from 'vitest';
import { BODY_LIMIT_BYTES, bodyLimitOf } from './body-limit.js';

const closed = { additionalProperties: false };
const Short = Type.String({ maxLength: 100 });

const text = (maxLength: number): fc.Arbitrary<string> => fc.string({ unit: 'binary', maxLength, size: 'max' });

describe('the body limit of a route', () => {
  it.each([
    ['is absent', undefined],
    ['allows other members', Type.Object({ name: Short })],
    ['does not bound a string', Type.Object({ name: Type.String() }, closed)],
    ['does not bound an array', Type.Object({ names: Type.Array(Short) }, closed)],
    ['does not bound one branch of a union', Type.Union([Type.Object({ name: Short }, closed), Type.Object({})])],
    ['has an untyped member', Type.Object({ name: Type.Unknown() }, closed)],
    ['has a bound over that limit', Type.Object({ name: Type.String({ maxLength: 5000 }) }, closed)],
  ])('is BODY_LIMIT_BYTES if the schema %s (API-06)', (_case, schema) => {
    expect(bodyLimitOf(schema)).toBe(BODY_LIMIT_BYTES);
  });

  it('is near the size of the largest string, which is smaller for ASCII formats and base64url (API-06)', () => {
    const limitOf = (member: object): number => bodyLimitOf(Type.Object({ name: member }, closed)) - 1024;
    expect(limitOf(Short)).toBeGreaterThan(1200);
    expect(limitOf(Short)).toBeLessThan(1300);
    expect(limitOf({ type: 'string', maxLength: 100, format: 'email' })).toBeLessThan(700);
    expect(limitOf({ type: 'string', maxLength: 100, contentEncoding: 'base64url' })).toBeLessThan(200);
    expect(bodyLimitOf(Type.Union([Type.Object({ name: Short }, closed), Type.Null()])) - 1024).toBeLessThan(1300);
  });

  it('accepts every valid body, however it is escaped (API-06)', () => {
    const schema = Type.Object(
      {
        'naïve name': Type.Optional(Type.String({ maxLength: 500 })),
        list: Type.Array(Type.String({ maxLength: 9 }), { maxItems: 5 }),
        kind: Type.Union([Type.Literal('one'), Type.Literal('another')]),
        size: Type.Number(),
        isOpen: Type.Boolean(),
        nested: Type.Object({ token: Type.String({ maxLength: 50, contentEncoding: 'base64url' }) }, closed),
      },
      closed,
    );
    const body = fc.record({
      'naïve name': text(500),
      list: fc.array(text(9), { maxLength: 5, size: 'max' }),
      kind: fc.constantFrom('one', 'another'),
      size: fc.double(),
      isOpen: fc.boolean(),
      nested: fc.record({ token: fc.stringMatching(/^[\w-]{0,50}$/) }),
    });
    const most = {
      'naïve name': '😀'.repeat(500),
      list: Array(5).fill('😀'.repeat(9)),
      kind: 'another',
      size: -Number.MAX_VALUE,
    };
    expect(escaped({ ...most, isOpen: false, nested: { token: 'x'.repeat(50) } }).length).toBeLessThan(
      bodyLimitOf(schema),
    );
    fc.assert(
      fc.property(body, (value) => escaped(value).length <= bodyLimitOf(schema)),
      { endOnFailure: true },
    );
  });
});

/** JSON with every character outside ASCII escaped. */
function escaped(value: unknown): string {
  return JSON.stringify(value).replaceAll(
    /[^ -~]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
