import type { ErrorObject } from 'ajv';
import type { FieldError } from '../problems/problem.js';

/** Most entries of `errors` in one response. */
export const MAX_FIELD_ERRORS = 20;

/** Most characters of their pointers together, the first one apart: a name of the body may stand in each of them. */
const MAX_POINTER_CHARACTERS = 16 * 1024;

/** Where a union ends in the path of a schema that is in it. */
const UNION_BEFORE = /(?<=\/(?:anyOf|oneOf))(?=\/)/g;

/** The part of a request that a schema validates, by Fastify's name. */
export type HttpPart = 'body' | 'querystring' | 'params' | 'headers';

/**
 * The entries of `errors`: where and why, never the value. `pointer` is a JSON Pointer into the body (RFC 6901),
 * `?name` for a query parameter, `{name}` for a path parameter.
 */
export function fieldErrors(part: HttpPart, errors: readonly ErrorObject[]): FieldError[] {
  const unions = new Set(errors.filter(isOfUnion).map(({ schemaPath }) => schemaPath));
  const entries = errors
    .filter((error) => !isOfBranch(error, unions))
    .slice(0, MAX_FIELD_ERRORS)
    .map((error) => ({ pointer: pointerTo(part, error), detail: detailOf(part, error) }));
  let characters = 0;
  return entries.filter(
    ({ pointer }, index) => index === 0 || (characters += pointer.length) <= MAX_POINTER_CHARACTERS,
  );
}

function isOfUnion({ keyword }: ErrorObject): boolean {
  return keyword === 'anyOf' || keyword === 'oneOf';
}

/** Ajv reports each branch of a union before the union; the union's own error is enough. */
function isOfBranch({ schemaPath }: ErrorObject, unions: ReadonlySet<string>): boolean {
  return schemaPath.matchAll(UNION_BEFORE).some(({ index }) => unions.has(schemaPath.slice(0, index)));
}

function pointerTo(part: HttpPart, error: ErrorObject): string {
  const pointer = error.instancePath + memberOf(error);
  if (part === 'body') return pointer;
  const name = pointer.slice(1).replaceAll('~1', '/').replaceAll('~0', '~');
  return part === 'params' ? `{${name}}` : `?${name}`;
}

function memberOf({ params }: ErrorObject): string {
  const name: unknown = params['missingProperty'] ?? params['additionalProperty'] ?? params['unevaluatedProperty'];
  return typeof name === 'string' ? `/${name.replaceAll('~', '~0').replaceAll('/', '~1')}` : '';
}

function detailOf(part: HttpPart, { keyword, params, schema }: ErrorObject): string {
  const noun = part === 'body' ? 'member' : 'parameter';
  switch (keyword) {
    case 'required':
      return `This ${noun} is required.`;
    case 'additionalProperties':
    case 'unevaluatedProperties':
      return `This ${noun} is not known here.`;
    case 'type':
      return `Must be of type ${[params['type']].flat().join(' or ')}.`;
    case 'const':
    case 'enum':
      return `Must be ${allowed([schema].flat())}.`;
    case 'anyOf':
    case 'oneOf':
      return describeUnion(schema);
    default:
      return describeBound(keyword, params);
  }
}

const BOUNDS: Readonly<Record<string, string>> = {
  minLength: 'Must have at least # characters.',
  maxLength: 'Must have at most # characters.',
  minItems: 'Must have at least # items.',
  maxItems: 'Must have at most # items.',
  minProperties: 'Must have at least # members.',
  maxProperties: 'Must have at most # members.',
  minimum: 'Must be at least #.',
  maximum: 'Must be at most #.',
  exclusiveMinimum: 'Must be more than #.',
  exclusiveMaximum: 'Must be less than #.',
  multipleOf: 'Must be a multiple of #.',
  format: 'Must be written as #.',
  uniqueItems: 'Must not hold the same item twice.',
};

function describeBound(keyword: string, params: ErrorObject['params']): string {
  const bound: unknown = params['limit'] ?? params['format'] ?? params['multipleOf'];
  return BOUNDS[keyword]?.replace('#', String(bound)) ?? 'Does not have the documented form.';
}

function describeUnion(branches: unknown): string {
  const constants = Array.isArray(branches)
    ? branches.map((branch: object) => ('const' in branch ? branch.const : undefined))
    : [];
  const closed = constants.length > 0 && !constants.includes(undefined);
  return closed ? `Must be ${allowed(constants)}.` : 'Does not have any of the documented forms.';
}

function allowed(values: readonly unknown[]): string {
  return values.map((value) => JSON.stringify(value)).join(' or ');
}
