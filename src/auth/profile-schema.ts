import { largestBodyOf } from '../http/body-limit.js';
import { schemaCompiler } from '../http/schema-compiler.js';
import { MAX_STORED_JSON_BYTES } from '../users/stored-json.js';
import { InvitationBody, ProfileBody } from '../users/users.schemas.js';
import { RegisterBody } from './auth.schemas.js';

interface ObjectSchema {
  readonly $id?: unknown;
  readonly $async?: unknown;
  readonly type?: unknown;
  readonly properties?: Readonly<Record<string, object>>;
  readonly required?: readonly string[];
}

/** Also its name in the OpenAPI document. */
const PROFILE_ID = 'UserProfile';
/** Values, which may have members that are called like keywords. */
const VALUE_KEYWORDS = new Set(['const', 'enum', 'default', 'examples']);

/** A profile that may be stored, every character escaped. */
const MAX_PROFILE_BYTES = largestBodyOf({ type: 'string', maxLength: MAX_STORED_JSON_BYTES });

/**
 * The bodies of registration, of the acceptance of an invitation and of `PATCH /v1/users/me`, with this schema of the profile, by those that accept any profile. A
 * registration without a profile makes an empty one; where the schema does not accept that, it requires a profile.
 * @throws {Error} for a schema that is not one of an object, or whose bounds allow what cannot be stored
 */
export function bodiesWithProfile(given: ObjectSchema): ReadonlyMap<object, object> {
  if (given.type !== 'object') throw new TypeError("The schema of the profile must say type: 'object'.");
  requireReadable(given);
  const profile = withAbsoluteReferences(given);
  const largest = largestBodyOf(profile);
  if (largest > MAX_PROFILE_BYTES && largest !== Infinity)
    throw new RangeError(
      `The schema of the profile allows ${largest} bytes, every character escaped, and of ${MAX_STORED_JSON_BYTES} bytes as JSON at most ${MAX_PROFILE_BYTES} can come: lower its bounds.`,
    );
  const accepts = schemaCompiler()({ schema: profile, method: 'POST', url: 'registration', httpPart: 'body' });
  const isRequired = accepts({}) !== true;
  return new Map(
    [RegisterBody, InvitationBody, ProfileBody].map((body) => [body, withProfile(body, profile, isRequired)]),
  );
}

/** `$ref: '#'` within a body would be that body, and in the OpenAPI document that document. */
function withAbsoluteReferences(profile: ObjectSchema): ObjectSchema {
  const id = typeof profile.$id === 'string' ? profile.$id : PROFILE_ID;
  let count = 0;
  const absolute = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(absolute);
    // A schema with an `$id` is what its references begin at.
    if (typeof value !== 'object' || value === null || (value !== profile && '$id' in value)) return value;
    const members = Object.entries(value).map(([name, member]: [string, unknown]) => [
      name,
      isLocal(name, member) ? `${id}${String(member)}` : VALUE_KEYWORDS.has(name) ? member : absolute(member),
    ]);
    count += Object.entries(value).filter(([name, member]) => isLocal(name, member)).length;
    return Object.fromEntries(members) as object;
  };
  const schema = absolute(profile) as ObjectSchema;
  return count === 0 ? profile : { ...schema, $id: id };
}

function isLocal(name: string, value: unknown): boolean {
  return name === '$ref' && typeof value === 'string' && value.startsWith('#');
}

/** What the compiler would refuse in other words, or not at all. */
function requireReadable({ properties = {}, $async }: ObjectSchema): void {
  if ($async !== undefined)
    throw new TypeError('The schema of the profile says $async: it cannot ask anybody, leave it out.');
  for (const [name, property] of Object.entries<unknown>(properties))
    if (!['object', 'boolean'].includes(typeof property) || property === null)
      throw new TypeError(
        `The schema of the profile has no schema for the property "${name}": it is ${String(property)}.`,
      );
}

function withProfile({ properties, required = [], ...body }: ObjectSchema, profile: object, isRequired: boolean) {
  return {
    ...body,
    properties: { ...properties, profile },
    required: isRequired ? [...new Set([...required, 'profile'])] : required,
  };
}
