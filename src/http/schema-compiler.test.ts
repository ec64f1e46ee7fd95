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
