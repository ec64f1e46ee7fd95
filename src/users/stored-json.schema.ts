import { Type } from 'typebox';

/** Any JSON object; `checkStoredJson` checks the bounds, which a schema cannot state. */
export const StoredJson = (description: string) =>
  Type.Unsafe<Record<string, unknown>>({ type: 'object', additionalProperties: true, description });
