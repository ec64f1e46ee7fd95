import { accessSync, constants } from 'node:fs';
import { invalidParametersReason } from './postgres-url-parameters.js';

/** `pg` would silently treat any other value as verify-full. */
const SSL_MODES = ['disable', 'prefer', 'require', 'verify-ca', 'verify-full', 'no-verify'];
const SSL_FILES = ['sslrootcert', 'sslcert', 'sslkey'];
/** PostgreSQL truncates longer names. */
const MAX_NAME_BYTES = 63;
const DEFAULT_SCHEMA = 'public';
const CONTROL = /\p{Cc}/u;
const PERCENT_ENCODE =
  'percent-encode the special characters of its user name and password: # as %23, / as %2F, ? as %3F, @ as %40, % as %25';

/**
 * The URL of a database as psql and Prisma accept it, also without a host before the path
 * (`user@/db?host=/socket`), which `URL` rejects.
 * @throws {TypeError} if it is not a URL.
 */
export function parsePostgresUrl(text: string): URL {
  return new URL(text.replace(/^(postgres(?:ql)?:\/\/[^/?#]*@)(?=[:/])/, '$1localhost'));
}

/** The `schema` parameter of the URL, as Prisma users write it, or `public`. */
export function schemaOf(url: string): string {
  return parsePostgresUrl(url).searchParams.get('schema') ?? DEFAULT_SCHEMA;
}

/** Server and port, or socket folder, for messages: without user and password. */
export function hostOf(url: string): string {
  const { hostname, port, searchParams } = parsePostgresUrl(url);
  const host = searchParams.get('host') ?? decodeURIComponent(hostname);
  return host.startsWith('/') ? host : `${host}:${searchParams.get('port') ?? (port || '5432')}`;
}

/** Completes "DATABASE_URL …" about an invalid URL, without repeating it; undefined for a valid one. */
export function invalidPostgresUrlReason(text: string): string | undefined {
  const [, rest] = /^postgres(?:ql)?:\/\/(.*)$/s.exec(text) ?? [];
  if (rest === undefined) return 'does not start with postgresql://';
  if (CONTROL.test(text)) return 'has a line break or another control character: remove it';
  if (hasRawDelimiter(rest)) return `has a special character that cuts off its host: ${PERCENT_ENCODE}`;
  const url = parsed(text);
  if (url === undefined) return rest.includes('@') ? `is not a URL: ${PERCENT_ENCODE}` : 'is not a URL';
  if (![url.username, url.password, url.pathname].every(isDecodable)) return `is not a URL: ${PERCENT_ENCODE}`;
  if (namesNoHost(rest) && !url.searchParams.has('host')) return 'names no host';
  if (url.pathname.length < 2) return 'names no database';
  const { searchParams } = url;
  return (
    invalidSchemaReason(searchParams.getAll('schema')) ??
    invalidParametersReason(searchParams) ??
    invalidSslReason(searchParams)
  );
}

/** Whether a raw #, / or ? in the password ends the authority before its @. */
function hasRawDelimiter(rest: string): boolean {
  const [, afterAuthority = ''] = /^[^/?#]*(.*)$/s.exec(rest) ?? [];
  const [path = ''] = afterAuthority.replace(/^\//, '').split('?');
  return afterAuthority.includes('#') || path.includes('@') || (afterAuthority.startsWith('?') && rest.includes('@'));
}

function namesNoHost(rest: string): boolean {
  const [authority = ''] = /^[^/?#]*/.exec(rest) ?? [];
  return /^(?::\d*)?$/.test(authority.slice(authority.lastIndexOf('@') + 1));
}

function parsed(text: string): URL | undefined {
  try {
    return parsePostgresUrl(text);
  } catch {
    return undefined;
  }
}

function isDecodable(part: string): boolean {
  try {
    decodeURIComponent(part);
    return true;
  } catch {
    return false;
  }
}

function invalidSchemaReason([schema, another]: readonly string[]): string | undefined {
  if (schema === undefined) return undefined;
  if (another !== undefined) return 'names two schemas';
  const isName = schema !== '' && !/["\0]/.test(schema) && Buffer.byteLength(schema) <= MAX_NAME_BYTES;
  return isName && !schema.startsWith('pg_')
    ? undefined
    : 'names an invalid schema: a name has 1 to 63 bytes, no quotation mark, and does not begin with pg_';
}

function invalidSslReason(parameters: URLSearchParams): string | undefined {
  const mode = parameters.get('sslmode');
  if (mode !== null && !SSL_MODES.includes(mode)) return `has an unknown sslmode: use one of ${SSL_MODES.join(', ')}`;
  const unreadable = SSL_FILES.find((name) => parameters.has(name) && !isReadable(parameters.get(name) ?? ''));
  return unreadable && `names a file in ${unreadable} that cannot be read`;
}

function isReadable(file: string): boolean {
  try {
    accessSync(file, constants.R_OK);
    return true;
  } catch {
    return false;
  }
}
