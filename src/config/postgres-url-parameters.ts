/** Those that `pg` acts on and that no setting of ours is for; `schema` is ours, as Prisma users write it. */
const HONOURED: ReadonlySet<string> = new Set([
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

/** Of Prisma, libpq and `pg`: which setting does here what they do there. */
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

/** What to do in place of others. */
const REMEDIES: Readonly<Record<string, string>> = {
  pgbouncer: 'behind a pooler name the server itself in DATABASE_DIRECT_URL',
  sslaccept: 'sslmode=verify-full verifies the server, sslmode=no-verify does not',
  sslidentity: 'name a certificate and its key, as PEM files, in sslcert and sslkey',
  sslpassword: 'name a certificate and its key without a password, as PEM files, in sslcert and sslkey',
  channel_binding: 'sslmode=verify-full verifies the server in its place',
  currentschema: 'write schema=NAME',
  search_path: 'write schema=NAME',
};

/** What asks for no more than what is done anyway. */
const MET: ReadonlySet<string> = new Set([
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

/** A parameter of a database's URL that nothing acts on. */
interface Unheeded {
  readonly name: string;
  /** What to do instead. */
  readonly remedy: string;
}

/**
 * The parameters of a URL that have no effect here, each once; what is met anyway is none of them. `isPooled` says that
 * `DATABASE_DIRECT_URL` names the server itself, as a pooler asks for.
 */
export function ignoredParameters(parameters: URLSearchParams, isPooled: boolean): readonly Unheeded[] {
  const found = new Map<string, Unheeded>();
  for (const [name, value] of parameters) {
    const isMet = MET.has(`${name}=${value}`.toLowerCase()) || (isPooled && name === 'pgbouncer');
    if (!HONOURED.has(name) && !isMet) found.set(name, { name: shown(name), remedy: remedyFor(name) });
  }
  return [...found.values()];
}

/** Takes away what `pg` would understand in another way than its user means it, or put before a setting of ours. */
export function deleteIgnoredParameters(parameters: URLSearchParams): void {
  for (const name of new Set(parameters.keys())) if (!HONOURED.has(name)) parameters.delete(name);
}

const WHO_IS_REACHED = /^(?:host|port|user|password|ssl.*)$/;

/**
 * What completes "DATABASE_URL …" about parameters that would, in silence, reach another server, or one that is not verified: given
 * twice with two values, of which `pg` takes the last, or spelt in a way that nothing reads.
 */
export function invalidParametersReason(parameters: URLSearchParams): string | undefined {
  for (const name of new Set(parameters.keys())) {
    const written = plain(name);
    if (written.startsWith('ssl') && written !== name && HONOURED.has(written))
      return `has a parameter that is written ${written}: as it is, it would have no effect`;
    if (WHO_IS_REACHED.test(name) && new Set(parameters.getAll(name)).size > 1)
      return `has the parameter ${shown(name)} twice, with different values: leave one`;
  }
  return undefined;
}

function remedyFor(name: string): string {
  const written = plain(name);
  if (HONOURED.has(written)) return `it is written ${written}`;
  const setting = SETTINGS[written];
  return setting === undefined ? (REMEDIES[written] ?? 'nothing does it here, so take it out') : `set ${setting}`;
}

function plain(name: string): string {
  return name.trim().toLowerCase();
}

/** What has the form of a name; anything else may be part of a password. */
function shown(name: string): string {
  return /^[A-Za-z][\w.-]{0,62}$/.test(name) ? name : '(unnamed)';
}
