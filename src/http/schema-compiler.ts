import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import type { FastifySchemaCompiler } from 'fastify';
import { formats } from './schema-formats.js';
import { fieldErrors, type HttpPart } from './validation-errors.js';
import { validationFailed } from './validation.problems.js';

type Schema = Readonly<Record<string, unknown>>;

/**
 * Fastify's `validatorCompiler`: JSON Schema 2020-12 as it is written, so no coercion, no defaults and nothing removed.
 * A failure is the Problem `validation_failed`, which Nest's exception layer passes on without logging it.
 *
 * @throws {Error} at boot for a schema that leaves it open which members a caller may send.
 */
export function schemaCompiler(): FastifySchemaCompiler<unknown> {
  // The 16 KiB body limit bounds how many errors allErrors can collect; fieldErrors bounds how many are told.
  const ajv = new Ajv2020({
    allErrors: true,
    verbose: true,
    strict: true,
    strictTypes: false,
    strictTuples: false,
    // Compiling the meta-schema would take longer than all schemas of this service; the compiler's types and strict mode judge them.
    validateSchema: false,
    formats,
  });
  return ({ schema, method, url, httpPart = 'body' }) => {
    const source = schema as Schema;
    requireClosed(source, `${method} ${url} ${httpPart}`);
    return judge(ajv.compile(source), httpPart as HttpPart);
  };
}

function judge(validate: ValidateFunction, part: HttpPart) {
  return (value: unknown) =>
    validate(value) ? true : { error: validationFailed({ errors: fieldErrors(part, validate.errors ?? []) }) };
}

/** Closed by default would make the published document untrue, so a schema must say it itself. */
function requireClosed(schema: Schema, place: string): void {
  const says = 'additionalProperties' in schema || 'unevaluatedProperties' in schema;
  if (schema['type'] === 'object' && !says) {
    throw new Error(`The schema of ${place} must say additionalProperties`);
  }
  for (const child of subschemas(schema)) requireClosed(child, place);
}

function subschemas(schema: Schema): Schema[] {
  const { properties, items, anyOf, oneOf } = schema;
  return [Object.values(properties ?? {}), items, anyOf, oneOf].flat().filter(isSchema);
}

function isSchema(value: unknown): value is Schema {
  return typeof value === 'object' && value !== null;
}
