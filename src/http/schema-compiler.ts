import { Ajv2020, type ErrorObject, type Options } from 'ajv/dist/2020.js';
import type { FastifySchemaCompiler } from 'fastify';
import { ErrorCollector } from './error-collector.js';
import { JSON_MEDIA_TYPE } from './route-body.js';
import { formats } from './schema-formats.js';
import { replaceCostlyKeywords } from './schema-keywords.js';
import { fieldErrors, type HttpPart } from './validation-errors.js';
import { validationFailed } from './validation.problems.js';

type Schema = Readonly<Record<string, unknown>>;

const OPTIONS = {
  verbose: true,
  strict: true,
  strictTypes: false,
  strictTuples: false,
  // Compiling the meta-schema takes longer than all schemas of this service; types and
  // strict mode check them instead.
  validateSchema: false,
  formats,
} satisfies Options;

/**
 * Fastify's `validatorCompiler`: JSON Schema 2020-12 without coercion, defaults or removal of members. A failure is the
 * Problem `validation_failed`, which Nest's exception layer passes on without logging it.
 *
 * @throws {Error} at boot for an object schema that does not say which other members a client may send.
 */
export function schemaCompiler(): FastifySchemaCompiler<unknown> {
  const ajv = new Ajv2020(OPTIONS);
  replaceCostlyKeywords(ajv);
  let collector: ErrorCollector | undefined;
  const collectErrors = (source: Schema, value: unknown): readonly ErrorObject[] | undefined => {
    collector ??= new ErrorCollector(OPTIONS);
    return collector.collectErrors(source, value);
  };
  return ({ schema, method, url, httpPart = 'body', ...route }) => {
    const { contentType = JSON_MEDIA_TYPE } = route as { contentType?: string };
    // A handler reads the parts of such a body itself; its schema is for the OpenAPI document.
    if (httpPart === 'body' && contentType.toLowerCase() !== JSON_MEDIA_TYPE) return () => true;
    const source = schema as Schema;
    if (httpPart !== 'body' && !['object', undefined].includes(source['type'] as string | undefined))
      throw new Error(`The schema of ${method} ${url} ${httpPart} must be of type object`);
    requireAdditionalProperties(source, `${method} ${url} ${httpPart}`);
    // Ends at the first error; whether there are more is asked of a value that has one.
    const validate = ajv.compile(source);
    return (value: unknown) => {
      if (validate(value)) return true;
      const errors = collectErrors(source, value) ?? validate.errors ?? [];
      return { error: validationFailed({ errors: fieldErrors(httpPart as HttpPart, errors) }) };
    };
  };
}

/** Schemas closed by default would make the OpenAPI document wrong, so each must say it itself. */
function requireAdditionalProperties(schema: Schema, place: string): void {
  const isExplicit = 'additionalProperties' in schema || 'unevaluatedProperties' in schema;
  if (schema['type'] === 'object' && !isExplicit) {
    throw new Error(`The schema of ${place} must say additionalProperties`);
  }
  for (const child of subschemas(schema)) requireAdditionalProperties(child, place);
}

function subschemas(schema: Schema): Schema[] {
  const { properties, items, anyOf, oneOf } = schema;
  return [Object.values(properties ?? {}), items, anyOf, oneOf].flat().filter(isSchema);
}

function isSchema(value: unknown): value is Schema {
  return typeof value === 'object' && value !== null;
}
