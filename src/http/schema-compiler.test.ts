import { Type, type TSchema } from 'typebox';
import { describe, expect, it } from 'vitest';
import type { Problem } from '../problems/problem.js';
import { schemaCompiler } from './schema-compiler.js';

const compile = (schema: TSchema) => schemaCompiler()({ schema, method: 'POST', url: '/notes', httpPart: 'body' });

const takes = (format: string, text: string): boolean => compile(Type.String({ format }))(text) === true;

const closed = { additionalProperties: false };
const Open = Type.Object({ a: Type.String() });

describe('a schema for what callers send', () => {
  it.each([
    ['at the top', Open],
    ['in a member', Type.Object({ inner: Open }, closed)],
    ['in an array', Type.Object({ list: Type.Array(Open) }, closed)],
    ['in a union', Type.Union([Type.Null(), Open])],
  ])('is refused at boot when it is open %s', (_case, schema) => {
    expect(() => compile(schema)).toThrow('The schema of POST /notes body must say additionalProperties');
  });

  it('is refused at boot for a format that nothing checks', () => {
    expect(() => compile(Type.String({ format: 'color' }))).toThrow('color');
  });

  it('may have an $id and serve several routes', () => {
    const compiler = schemaCompiler();
    const schema = Type.Object({}, { ...closed, $id: 'Once' });
    const route = { schema, method: 'POST', url: '/notes', httpPart: 'body' };
    expect(() => [compiler(route), compiler(route)]).not.toThrow();
  });

  it('neither coerces, nor removes, nor fills in', () => {
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

describe('a format', () => {
  it.each(['a@b', 'A.b+c@sub.example.org', `${'l'.repeat(64)}@b.c`, "o'brien@x-y.z"])('email takes %s', (text) => {
    expect(takes('email', text)).toBe(true);
  });

  it.each(['', 'a', '@b', 'a@', 'a@b.', 'a@-b', 'a@b-', 'a b@c', 'ä@b.c', 'a@b.c\n', 'a@b\r\nBcc: x@y', '"a"@b.c'])(
    'email refuses %j',
    (text) => {
      expect(takes('email', text)).toBe(false);
    },
  );

  it('email is bounded, and quick with the worst', () => {
    expect(takes('email', `${'l'.repeat(65)}@b.c`)).toBe(false);
    expect(takes('email', `a@${'b.'.repeat(126)}c`)).toBe(false);
    const start = performance.now();
    for (const text of [`a@${'b'.repeat(16_000)}!`, `a@${'b.'.repeat(8000)}!`, `a@${'b-'.repeat(120)}!`])
      takes('email', text);
    expect(performance.now() - start).toBeLessThan(100);
  });

  it('date-time is RFC 3339, a real date', () => {
    expect(takes('date-time', '2026-11-23T16:00:00.123Z')).toBe(true);
    expect(takes('date-time', '2026-11-23T16:00:00+01:00')).toBe(true);
    expect(takes('date-time', '2026-13-23T16:00:00Z')).toBe(false);
    expect(takes('date-time', '2026-11-23')).toBe(false);
  });
});
