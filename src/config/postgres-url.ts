import { accessSync, constants } from 'node:fs';
import { invalidParametersReason } from './postgres-url-parameters.js';

/** What `pg` does not take for "verify all" without saying so. */
const SSL_MODES = ['disable', 'prefer', 'require', 'verify-ca', 'verify-full', 'no-verify'];
const SSL_FILES = ['sslrootcert', 'sslcert', 'sslkey'];
/** PostgreSQL cuts longer names off. */
const LONGEST_NAME_BYTES = 63;
const DEFAULT_SCHEMA = 'public';
const CONTROL = /\p{Cc}/u;
const PERCENT_ENCODE =
  'percent-encode what is special in its user name or password: # as %23, / as %2F, ? as %3F, @ as %40, % as %25';

/**
 * The URL of a database as psql and Prisma take it. `user@/db?host=/socket` names no host before the path, which `URL` alone refuses.
 * @throws {TypeError} when it is none.
 */
export function parsePostgresUrl(text: string): URL {
  return new URL(text.replace(/^(postgres(?:ql)?:\/\/[^/?#]*@)(?=[:/])/, '$1localhost'));
}

/** The schema that the URL names as Prisma users do, or `public`. */
export function schemaOf(url: string): string {
  return parsePostgresUrl(url).searchParams.get('schema') ?? DEFAULT_SCHEMA;
}

/** Server and port, or socket folder, as a person is told: without user and password. */
export function hostOf(url: string): string {
  const { hostname, port, searchParams } = parsePostgresUrl(url);
  const host = searchParams.get('host') ?? decodeURIComponent(hostname);
  return host.startsWith('/') ? host : `${host}:${searchParams.get('port') ?? (port || '5432')}`;
}

/** What completes "DATABASE_URL …" about a text that cannot be used; never repeats it. */
export function invalidPostgresUrlReason(text: string): string | undefined {
  const [, rest] = /^postgres(?:ql)?:\/\/(.*)$/s.exec(text) ?? [];
  if (rest === undefined) return 'does not start with postgresql://';
  if (CONTROL.test(text)) return 'holds a line break or another control character, which would be dropped in silence';
  if (hasRawDelimiter(rest)) return `is cut off: ${PERCENT_ENCODE}`;
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

/** A raw # or / (or ?) in a password ends the part before the host, so that the @ comes too late. */
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
  const isName = schema !== '' && !/["\0]/.test(schema) && Buffer.byteLength(schema) <= LONGEST_NAME_BYTES;
  return isName && !schema.startsWith('pg_')
    ? undefined
    : 'names a schema that cannot be: 1 to 63 bytes, no quotation mark, and not pg_…';
}

function invalidSslReason(parameters: URLSearchParams): string | undefined {
  const mode = parameters.get('sslmode');
  if (mode !== null && !SSL_MODES.includes(mode)) return `has an sslmode that is none of ${SSL_MODES.join(', ')}`;
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
