import { validationFailed } from '../http/validation.problems.js';
import { findJsonFlaw } from '../verifier/json-flaws.js';

/** A JSON object that a user's row holds: the profile, or the data of the application. */
export type StoredJson = Readonly<Record<string, unknown>>;

/** As JSON, in UTF-8. */
export const MAX_STORED_JSON_BYTES = 4096;
/** Objects and lists may nest this deep, the outermost object included. */
export const MAX_STORED_JSON_DEPTH = 8;

/**
 * Nothing is cut: what this accepts comes back as it was given, but for the order of members.
 * @param pointer to the value, in a body
 * @throws Problem `validation_failed`
 */
export function checkStoredJson(value: StoredJson, pointer: string): void {
  const detail = storedJsonFlaw(value);
  if (detail !== undefined) throw validationFailed({ errors: [{ pointer, detail }] });
}

/** What keeps a value from being stored, as a sentence without a subject; undefined for one that {@link checkStoredJson} accepts. */
export function storedJsonFlaw(value: StoredJson): string | undefined {
  if (isDeeper(value, MAX_STORED_JSON_DEPTH)) return `Must be nested at most ${MAX_STORED_JSON_DEPTH} levels deep.`;
  if (!isPlainObject(value)) return 'Must be a JSON object.';
  if (!isJson(value)) return 'Must consist of texts, finite numbers, booleans, null, lists and objects.';
  const text = JSON.stringify(value);
  if (findJsonFlaw(text, MAX_STORED_JSON_DEPTH) !== undefined) return 'Must be usable JSON.';
  const bytes = Buffer.byteLength(text) + digitsOfExponents(value);
  return bytes > MAX_STORED_JSON_BYTES ? `Must have at most ${MAX_STORED_JSON_BYTES} bytes as JSON.` : undefined;
}

/** Ends also for an object that contains itself. */
function isDeeper(value: unknown, depth: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return depth === 0 || Object.values(value).some((member) => isDeeper(member, depth - 1));
}

/** Whether JSON has the value itself, and not another in its place, such as null for NaN or a text for a Date. */
function isJson(value: unknown): boolean {
  if (typeof value === 'number') return Number.isFinite(value);
  if (typeof value !== 'object') return typeof value === 'string' || typeof value === 'boolean';
  if (Array.isArray(value)) return value.every(isJson);
  return value === null || (isPlainObject(value) && Object.values(value).every(isJson));
}

function isPlainObject(value: unknown): value is object {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/** What the numbers with an exponent take besides: the database keeps all digits of 1e300, and returns them. */
function digitsOfExponents(value: unknown): number {
  if (typeof value === 'number') return Math.abs(Number(/e(.+)$/.exec(String(value))?.[1] ?? 0));
  if (typeof value !== 'object' || value === null) return 0;
  return Object.values(value).reduce((sum: number, member) => sum + digitsOfExponents(member), 0);
}
