import { largestBodyOf } from '../http/body-limit.js';
import { schemaCompiler } from '../http/schema-compiler.js';
import { MAX_STORED_JSON_BYTES } from '../users/stored-json.js';
import { InvitationBody, ProfileBody } from '../users/users.schemas.js';
import { RegisterBody } from './auth.schemas.js';

interface ObjectSchema {
  readonly type?: unknown;
  readonly properties?: Readonly<Record<string, object>>;
  readonly required?: readonly string[];
}

/** A profile that may be stored, every character escaped. */
const MAX_PROFILE_BYTES = largestBodyOf({ type: 'string', maxLength: MAX_STORED_JSON_BYTES });

/**
 * The bodies of registration, of the acceptance of an invitation and of `PATCH /v1/users/me`, with this schema of the profile, by those that accept any profile. A
 * registration without a profile makes an empty one; where the schema does not accept that, it requires a profile.
 * @throws {Error} for a schema that is not one of an object, or whose bounds allow what cannot be stored
 */
export function bodiesWithProfile(profile: ObjectSchema): ReadonlyMap<object, object> {
  if (profile.type !== 'object') throw new TypeError("The schema of the profile must say type: 'object'.");
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

function withProfile({ properties, required = [], ...body }: ObjectSchema, profile: object, isRequired: boolean) {
  return {
    ...body,
    properties: { ...properties, profile },
    required: isRequired ? [...new Set([...required, 'profile'])] : required,
  };
}
