import { accessSync, constants, statSync } from 'node:fs';

/** Parameters with an effect: those of `pg` for which there is no setting, and Prisma's `schema`. */
const SUPPORTED: ReadonlySet<string> = new Set([
  'schema',
  'host',
  'port',
  'user',
  'password',
  'options',
  'application_name',
  'fallback_application_name',
  'client_encoding',
  'ssl',
  'sslmode',
  'sslcert',
  'sslkey',
  'sslrootcert',
  'sslnegotiation',
  'uselibpqcompat',
]);

/** The settings that replace parameters of Prisma, libpq and `pg`. */
const SETTINGS: Readonly<Record<string, string>> = {
  connection_limit: 'DATABASE_POOL_SIZE',
  pool_timeout: 'DATABASE_CONNECTION_TIMEOUT_MS',
  connect_timeout: 'DATABASE_CONNECTION_TIMEOUT_MS',
  socket_timeout: 'DATABASE_STATEMENT_TIMEOUT_MS',
  statement_timeout: 'DATABASE_STATEMENT_TIMEOUT_MS',
  query_timeout: 'DATABASE_STATEMENT_TIMEOUT_MS',
  lock_timeout: 'DATABASE_LOCK_TIMEOUT_MS',
  idle_in_transaction_session_timeout: 'DATABASE_IDLE_TRANSACTION_TIMEOUT_MS',
};

/** What to do instead of other parameters. */
const REMEDIES: Readonly<Record<string, string>> = {
  pgbouncer: 'for a pooler, set DATABASE_DIRECT_URL to the URL of the server itself',
  sslaccept: 'use sslmode=verify-full, which verifies the server, or sslmode=no-verify',
  sslidentity: 'name a certificate and its key, as PEM files, in sslcert and sslkey',
  sslpassword: 'name a certificate and its key without a password, as PEM files, in sslcert and sslkey',
  channel_binding: 'use sslmode=verify-full, which verifies the server',
  currentschema: 'write schema=NAME',
  search_path: 'write schema=NAME',
};

/** Parameters that ask for what applies anyway. */
const ALWAYS_MET: ReadonlySet<string> = new Set([
  'pgbouncer=false',
  'statement_cache_size=0',
  'sslaccept=strict',
  'channel_binding=disable',
  'channel_binding=prefer',
  'gssencmode=disable',
  'gssencmode=prefer',
  'target_session_attrs=any',
  'timezone=utc',
]);

/** A parameter of a database URL without effect. */
interface IgnoredParameter {
  readonly name: string;
  /** What to do instead. */
  readonly remedy: string;
}

/**
 * The parameters of a URL without effect, each once, except those that ask for what applies anyway. `isPooled`:
 * `DATABASE_DIRECT_URL` names the server itself, so that `pgbouncer` needs no warning.
 */
export function ignoredParameters(parameters: URLSearchParams, isPooled: boolean): readonly IgnoredParameter[] {
  const found = new Map<string, IgnoredParameter>();
  for (const [name, value] of parameters) {
    const isMet = ALWAYS_MET.has(`${name}=${value}`.toLowerCase()) || (isPooled && name === 'pgbouncer');
    if (!SUPPORTED.has(name) && !isMet) found.set(name, { name: shown(name), remedy: remedyFor(name) });
  }
  return [...found.values()];
}

/** Deletes the parameters that `pg` would understand differently, or would prefer to our settings. */
export function deleteIgnoredParameters(parameters: URLSearchParams): void {
  for (const name of new Set(parameters.keys())) if (!SUPPORTED.has(name)) parameters.delete(name);
}

/** `pg` would silently treat any other value as verify-full. */
const SSL_MODES = ['disable', 'prefer', 'require', 'verify-ca', 'verify-full', 'no-verify'];
const SSL_FILES = ['sslrootcert', 'sslcert', 'sslkey'];
/** PostgreSQL truncates longer names. */
const MAX_NAME_BYTES = 63;

const SERVER_PARAMETERS = /^(?:host|port|user|password|ssl.*)$/;

/** Completes "DATABASE_URL …" about an invalid parameter; undefined if all are valid. */
export function invalidParametersReason(parameters: URLSearchParams): string | undefined {
  return (
    invalidSchemaReason(parameters.getAll('schema')) ?? misleadingReason(parameters) ?? invalidSslReason(parameters)
  );
}

/**
 * Completes "DATABASE_URL …" about parameters that would silently lead to another server, or to one that is not
 * verified: given twice with different values, of which `pg` uses the last, or in other capitals, which `pg` ignores.
 */
function misleadingReason(parameters: URLSearchParams): string | undefined {
  for (const name of new Set(parameters.keys())) {
    const written = normalized(name);
    if (written.startsWith('ssl') && written !== name && SUPPORTED.has(written))
      return `has the parameter ${written} in other capitals, which would have no effect: write ${written}`;
    if (SERVER_PARAMETERS.test(name) && new Set(parameters.getAll(name)).size > 1)
      return `has the parameter ${shown(name)} twice, with different values: keep one`;
  }
  return undefined;
}

function remedyFor(name: string): string {
  const written = normalized(name);
  if (SUPPORTED.has(written)) return `write ${written}`;
  const setting = SETTINGS[written];
  return setting === undefined ? (REMEDIES[written] ?? 'it is not supported, so remove it') : `set ${setting}`;
}

function normalized(name: string): string {
  return name.trim().toLowerCase();
}

/** The name of a parameter, if it has the form of one: anything else may be part of a password. */
function shown(name: string): string {
  return /^[A-Za-z][\w.-]{0,62}$/.test(name) ? name : '(unnamed)';
}

function invalidSchemaReason([schema, another]: readonly string[]): string | undefined {
  if (schema === undefined) return undefined;
  if (another !== undefined) return 'names two schemas';
  return isSchemaName(schema) ? undefined : `names an invalid schema: ${SCHEMA_NAME_RULE}`;
}

export const SCHEMA_NAME_RULE = 'a name has 1 to 63 bytes, no quotation mark, and does not begin with pg_';

export function isSchemaName(name: string): boolean {
  const isName = name !== '' && !/["\0]/.test(name) && Buffer.byteLength(name) <= MAX_NAME_BYTES;
  return isName && !name.startsWith('pg_');
}

function invalidSslReason(parameters: URLSearchParams): string | undefined {
  const mode = parameters.get('sslmode');
  if (mode !== null && !SSL_MODES.includes(mode)) return `has an unknown sslmode: use one of ${SSL_MODES.join(', ')}`;
  const unreadable = SSL_FILES.find((name) => parameters.has(name) && !isReadable(parameters.get(name) ?? ''));
  return unreadable && `names a file in ${unreadable} that cannot be read, or is not a regular file`;
}

function isReadable(file: string): boolean {
  try {
    accessSync(file, constants.R_OK);
    // `pg` would wait for ever for a pipe that nobody writes to.
    return statSync(file).isFile();
  } catch {
    return false;
  }
}
