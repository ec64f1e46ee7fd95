import { isDecodable } from './percent-encoding.js';
import { invalidParametersReason } from './postgres-url-parameters.js';

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

/** The URL with this schema, unless it names one. */
export function withSchema(text: string, schema: string | undefined): string {
  const url = parsePostgresUrl(text);
  if (schema === undefined || url.searchParams.has('schema')) return text;
  return `${text.replace(/\?$/, '')}${url.search === '' ? '?' : '&'}schema=${encodeURIComponent(schema)}`;
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
  return invalidParametersReason(url.searchParams);
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
