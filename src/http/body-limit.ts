/** Larger bodies are 413 before any of them is parsed, on every route. */
export const BODY_LIMIT_BYTES = 16 * 1024;

/** For white space and punctuation. */
const SLACK_BYTES = 1024;
/** Of a number or a literal. */
const SCALAR_BYTES = 32;

interface Schema {
  readonly type?: string;
  readonly const?: unknown;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: unknown;
  readonly anyOf?: readonly Schema[];
  readonly items?: Schema;
  readonly maxItems?: number;
  readonly maxLength?: number;
  readonly format?: string;
  readonly contentEncoding?: string;
}

/**
 * What the largest valid body of a route takes, however it is escaped; all that may be read where its schema does not bound it. So
 * a valid body is never too large, and a route of small bodies reads no large one.
 */
export function bodyLimitOf(schema: object = {}): number {
  return Math.min(BODY_LIMIT_BYTES, SLACK_BYTES + bytesOf(schema));
}

function bytesOf(schema: Schema): number {
  const { anyOf, type, items, maxItems = Infinity } = schema;
  if (anyOf) return Math.max(...anyOf.map(bytesOf));
  if ('const' in schema) return SCALAR_BYTES + characterBytes(schema) * String(schema.const).length;
  if (type === 'object') return objectBytes(schema);
  if (type === 'array') return 2 + maxItems * (1 + bytesOf(items ?? {}));
  if (type === 'string') return 2 + characterBytes(schema) * (schema.maxLength ?? Infinity);
  return type === undefined ? Infinity : SCALAR_BYTES;
}

function objectBytes({ properties = {}, additionalProperties }: Schema): number {
  if (additionalProperties !== false) return Infinity;
  const members = Object.entries(properties).map(([name, child]) => 12 * name.length + bytesOf(child));
  return members.reduce((sum, bytes) => sum + bytes + SCALAR_BYTES, 0);
}

/** Nobody escapes base64url; some escape what is ASCII, and two units for what is beyond the basic plane. */
function characterBytes({ contentEncoding, format }: Schema): number {
  if (contentEncoding === 'base64url') return 1;
  return format === undefined ? 12 : 6;
}
