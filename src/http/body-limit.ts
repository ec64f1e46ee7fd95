/**
 * Most bytes of a request body; a larger one is 413 before it is parsed. A route's own limit may be lower
 * ({@link bodyLimitOf}), or set by `@BodyLimit()`.
 */
export const BODY_LIMIT_BYTES = 16 * 1024;

/** Allowance for white space and punctuation. */
const SLACK_BYTES = 1024;
/** Longest number or literal. */
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
 * The size of the largest valid body of a route, with every character escaped; `BODY_LIMIT_BYTES` if the schema does
 * not bound it. So no valid body is too large, and a route of small bodies reads no large one.
 */
export function bodyLimitOf(schema: object = {}): number {
  return Math.min(BODY_LIMIT_BYTES, largestBodyOf(schema));
}

/** The size of the largest body that a schema allows, with every character escaped; Infinity if it is not bounded. */
export function largestBodyOf(schema: object): number {
  return SLACK_BYTES + bytesOf(schema);
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

/**
 * An escape is 6 bytes, and a character outside the basic plane takes two; formats are ASCII;
 * no client escapes base64url.
 */
function characterBytes({ contentEncoding, format }: Schema): number {
  if (contentEncoding === 'base64url') return 1;
  return format === undefined ? 12 : 6;
}
