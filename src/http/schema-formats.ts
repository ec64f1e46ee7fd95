import { EMAIL_ADDRESS } from '../config/email-address.js';

/** The `format`s of JSON Schema that a schema may use. Each tests a string in bounded time; none changes it. */
export const formats = {
  email: EMAIL_ADDRESS,
  uuid: /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i,
  'date-time': isDateTime,
  uri: (text: string) => URL.canParse(text),
} as const;

const DATE_TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)$/i;

/** RFC 3339 section 5.6, without leap seconds. */
function isDateTime(text: string): boolean {
  return DATE_TIME.test(text) && !Number.isNaN(Date.parse(text));
}
