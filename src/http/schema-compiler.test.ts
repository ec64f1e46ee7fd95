import { Type, type TSchema } from 'typebox';
import { describe, expect, it } from 'vitest';
import type { Problem } from '../problems/problem.js';
import { schemaCompiler } from './schema-compiler.js';

const compile = (schema: TSchema) => schemaCompiler()({ schema, method: 'POST', url: '/notes', httpPart: 'body' });

const accepts = (format: string, text: string): boolean => compile(Type.String({ format }))(text) === true;

const closed = { additionalProperties: false };
const Open = Type.Object({ a: Type.String() });

describe('a schema for client input', () => {
  it.each([
    ['at the top', Open],
    ['in a member', Type.Object({ inner: Open }, closed)],
    ['in an array', Type.Object({ list: Type.Array(Open) }, closed)],
    ['in a union', Type.Union([Type.Null(), Open])],
  ])('is rejected at boot when it does not say additionalProperties %s', (_case, schema) => {
    expect(() => compile(schema)).toThrow('The schema of POST /notes body must say additionalProperties');
  });

  it.each(['querystring', 'params', 'headers'])(
    'is rejected at boot for %s unless it is one of an object',
    (httpPart) => {
      const compilePart = (schema: TSchema) => schemaCompiler()({ schema, method: 'GET', url: '/notes', httpPart });
      expect(() => compilePart(Type.String())).toThrow(`The schema of GET /notes ${httpPart} must be of type object`);
      expect(() => compilePart(Type.Object({}, closed))).not.toThrow();
      expect(() => compilePart(Type.Union([Type.Object({}, closed), Type.Object({}, closed)]))).not.toThrow();
    },
  );

  it('is rejected at boot for an unknown format', () => {
    expect(() => compile(Type.String({ format: 'color' }))).toThrow('color');
  });

  it('may have an $id and serve several routes', () => {
    const compiler = schemaCompiler();
    const schema = Type.Object({}, { ...closed, $id: 'Once' });
    const route = { schema, method: 'POST', url: '/notes', httpPart: 'body' };
    expect(() => [compiler(route), compiler(route)]).not.toThrow();
  });

  it('neither coerces values, nor removes members, nor sets defaults', () => {
    const validate = compile(Type.Object({ n: Type.Optional(Type.Integer({ default: 1 })) }, closed));
    const given = { n: '1', more: true };
    const { error } = validate(given) as { error: Problem };
    expect(error.kind.code).toBe('validation_failed');
    expect(given).toEqual({ n: '1', more: true });
    const empty = {};
    expect(validate(empty)).toBe(true);
    expect(empty).toEqual({});
  });
});

/** A body of about this many bytes: the unit again and again, each with its number in place of #. */
function bodyOf(bytes: number, [start, unit, end]: readonly [string, string, string]): unknown {
  const units: string[] = [];
  for (let length = 0; length < bytes; length += (units.at(-1)?.length ?? 0) + 1)
    units.push(unit.replace('#', String(units.length)));
  return JSON.parse(`${start}${units.join()}${end}`);
}

/** The least of some attempts: the first includes compilation. */
function millisecondsOf(work: () => unknown): number {
  const times = Array.from({ length: 4 }, () => {
    const start = performance.now();
    work();
    return performance.now() - start;
  });
  return Math.min(...times);
}

const Closed = Type.Object({ a: Type.String() }, closed);
const Kind = Type.Union([Type.Literal('a'), Type.Literal('b')]);
const ManyKinds = Type.Union(Array.from({ length: 100 }, (_, index) => Type.Literal(`kind-${index}`)));
const Tree = {
  $defs: {
    tree: {
      anyOf: [
        ...['and', 'or', 'nand'].map((kind) => ({
          type: 'object',
          properties: { parts: { type: 'array', items: { $ref: '#/$defs/tree' } }, kind: { const: kind } },
          required: ['parts', 'kind'],
          additionalProperties: false,
        })),
        { type: 'string' },
      ],
    },
  },
  $ref: '#/$defs/tree',
} as TSchema;
const branch = (kind: string) => Type.Object({ kind: Type.Literal(kind), parts: Type.Array(Kind) }, closed);
const atDepth9 = ['{"kind":"nand","parts":['.repeat(9), ']}'.repeat(9)] as const;

describe('validation takes little time for every form', () => {
  it.each<[string, TSchema, readonly [string, string, string]]>([
    ['of a list of constants', Type.Array(Kind), ['[', '0', ']']],
    ['of a list of many constants', Type.Array(ManyKinds), ['[', '"kind-99"', ',0]']],
    ['of a list of texts', Type.Array(Type.String()), ['[', '0', ']']],
    ['of missing members', Type.Array(Closed), ['[', '{}', ']']],
    ['of unknown members', Type.Object({}, closed), ['{', '"m#":0', '}']],
    ['of a union of lists', Type.Union([branch('x'), branch('y')]), ['{"kind":"x","parts":[', '0', ']}']],
    ['of a recursive union', Tree, [atDepth9[0], '0', atDepth9[1]]],
    ['of a recursive union that fits', Tree, [atDepth9[0], '"#"', atDepth9[1]]],
    ['of different texts', Type.Array(Type.String(), { uniqueItems: true }), ['[', '"#"', ']']],
    ['of different objects', Type.Array(Type.Unknown(), { uniqueItems: true }), ['[', '{"m":#}', ']']],
  ])('%s (INP-06)', (_, schema, form) => {
    const validate = compile(schema);
    const [small, large] = [16_000, 128_000].map((bytes) => bodyOf(bytes, form));
    expect(millisecondsOf(() => validate(small))).toBeLessThan(20);
    expect(millisecondsOf(() => validate(large))).toBeLessThan(100);
  });
});

const pointersOf = (schema: TSchema, body: unknown): unknown => {
  const { error } = compile(schema)(body) as { error: Problem };
  return error.errors?.map(({ pointer }) => pointer);
};

describe('the errors of a body', () => {
  it('are those of all members, and of a union one, whatever its branches are', () => {
    const schema = Type.Object(
      { a: Kind, b: Type.Union([branch('x'), branch('y')]), c: Closed, d: Type.Array(Kind) },
      closed,
    );
    const body = { a: 'c', b: { kind: 'x', parts: ['c'] }, c: { a: 1, e: 2 }, d: ['a', 'c', 'b', 0] };
    expect(pointersOf(schema, body)).toEqual(['/a', '/b', '/c/e', '/c/a', '/d/1', '/d/3']);
  });

  it('are the first one alone where there are more than a thousand', () => {
    const schema = Type.Object({ list: Type.Array(Type.String()), other: Type.String() }, closed);
    expect(pointersOf(schema, { list: Array(999).fill(0), other: 0 })).toHaveLength(20);
    expect(pointersOf(schema, { list: ['a', ...Array(1001).fill(0)], other: 0 })).toEqual(['/list/1']);
  });

  it('do not repeat a long name of the body twenty times', () => {
    const schema = Type.Unsafe({ type: 'object', additionalProperties: { type: 'array', items: { type: 'string' } } });
    const name = 'n'.repeat(10_000);
    expect(pointersOf(schema, { [name]: [0, 0, 0, 0] })).toEqual([`/${name}/0`, `/${name}/1`]);
  });
});

const isUnique = (...items: unknown[]): boolean =>
  compile(Type.Array(Type.Unknown(), { uniqueItems: true }))(items) === true;

describe('uniqueItems', () => {
  it('compares values, whatever the order of their members', () => {
    expect(isUnique(1, '1', true, 'true', null, 'null', [1], ['1'], '[1]', {}, [], '{}')).toBe(true);
    expect(isUnique({ a: 1, b: [{}] }, { a: 1, b: [[]] }, { b: 1 }, { a: 1, b: [{ c: null }] })).toBe(true);
    expect(isUnique({ a: 1, b: { c: 2, d: 3 } }, 1, { b: { d: 3, c: 2 }, a: 1 })).toBe(false);
    expect(isUnique(0, 'a', -0)).toBe(false);
    expect(isUnique('__proto__', '__proto__')).toBe(false);
    expect(isUnique(null, null)).toBe(false);
    expect(compile(Type.Array(Type.Unknown(), { uniqueItems: false }))([1, 1])).toBe(true);
  });
});

describe('a union of constants', () => {
  it('accepts the constants alone', () => {
    const validate = compile(Type.Union([Type.Literal('a'), Type.Literal(1), Type.Literal(false)]));
    expect(['a', 1, false].map((value) => validate(value))).toEqual([true, true, true]);
    expect(['b', '1', 0, true, 'false', null, undefined, ['a']].some((value) => validate(value) === true)).toBe(false);
  });

  it('whose branches say more is checked as it says', () => {
    const validate = compile({ anyOf: [{ const: 'a', minLength: 2 }, { const: 1, type: 'string' }, true] });
    expect([validate('a'), validate(1)]).toEqual([true, true]);
    const strict = compile({
      anyOf: [
        { const: 'a', minLength: 2 },
        { const: 1, type: 'string' },
      ],
    });
    expect([strict('a'), strict(1)].some((outcome) => outcome === true)).toBe(false);
  });
});

describe('a format', () => {
  it.each(['a@b', 'A.b+c@sub.example.org', `${'l'.repeat(64)}@b.c`, "o'brien@x-y.z"])('email accepts %s', (text) => {
    expect(accepts('email', text)).toBe(true);
  });

  it.each(['', 'a', '@b', 'a@', 'a@b.', 'a@-b', 'a@b-', 'a b@c', 'ä@b.c', 'a@b.c\n', 'a@b\r\nBcc: x@y', '"a"@b.c'])(
    'email refuses %j',
    (text) => {
      expect(accepts('email', text)).toBe(false);
    },
  );

  it('email has a length limit, and is fast for the worst input', () => {
    expect(accepts('email', `${'l'.repeat(65)}@b.c`)).toBe(false);
    expect(accepts('email', `a@${'b.'.repeat(126)}c`)).toBe(false);
    const start = performance.now();
    for (const text of [`a@${'b'.repeat(16_000)}!`, `a@${'b.'.repeat(8000)}!`, `a@${'b-'.repeat(120)}!`])
      accepts('email', text);
    expect(performance.now() - start).toBeLessThan(100);
  });

  it('date-time is an RFC 3339 time of an existing date', () => {
    expect(accepts('date-time', '2026-11-23T16:00:00.123Z')).toBe(true);
    expect(accepts('date-time', '2026-11-23T16:00:00+01:00')).toBe(true);
    expect(accepts('date-time', '2026-13-23T16:00:00Z')).toBe(false);
    expect(accepts('date-time', '2026-11-23')).toBe(false);
  });
});
