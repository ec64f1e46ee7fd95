import { PORT } from './unix-socket.js';

/** Whoever connects: the URL of one database on the embedded server. */
interface Login {
  readonly role: string;
  readonly password: string;
  readonly database: string;
}

/**
 * Says everything that an environment variable (`PGPORT`, `PGSSLMODE`, `PGOPTIONS` …) would otherwise say for it, since
 * the operator's are about other servers.
 */
const UNTOUCHED = {
  sslmode: 'disable',
  sslnegotiation: 'postgres',
  client_encoding: 'utf8',
  options: '-c TimeZone=UTC -c DateStyle=ISO',
};

/** By the socket in this folder. */
export function socketUrl(folder: string, login: Login): string {
  return withParameters(`${credentials(login)}@localhost:${PORT}/${login.database}`, { host: folder, ...UNTOUCHED });
}

/** By TCP, for a server that an earlier version left running. */
export function loopbackUrl(port: number, login: Login): string {
  return withParameters(`${credentials(login)}@127.0.0.1:${port}/${login.database}`, UNTOUCHED);
}

function credentials({ role, password }: Login): string {
  return `postgresql://${role}:${password}`;
}

/** Not by `URLSearchParams`, whose `+` for a space only some programs undo. */
function withParameters(address: string, parameters: Readonly<Record<string, string>>): string {
  const query = Object.entries(parameters).map(([name, value]) => `${name}=${encodeURIComponent(value)}`);
  return `${address}?${query.join('&')}`;
}
