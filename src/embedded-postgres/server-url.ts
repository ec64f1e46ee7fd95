import { SOCKET_PORT } from './unix-socket.js';
import { APPLICATION_ROLE } from './application-role.js';
import type { Installation } from './installation.js';
import type { ProcessRole } from './usage-lock.js';

/** A role, its password, and a database of the embedded server. */
interface Login {
  readonly role: string;
  readonly password: string;
  readonly database: string;
}

/**
 * Sets every parameter that an environment variable (`PGPORT`, `PGSSLMODE`, `PGOPTIONS` …) could set otherwise: the
 * operator's variables are for other servers.
 */
const EXPLICIT_PARAMETERS = {
  sslmode: 'disable',
  sslnegotiation: 'postgres',
  client_encoding: 'utf8',
  options: '-c TimeZone=UTC -c DateStyle=ISO',
};

/** Connects through the socket in this folder. */
export function socketUrl(folder: string, login: Login): string {
  return withParameters(`${credentials(login)}@localhost:${SOCKET_PORT}/${login.database}`, {
    host: folder,
    ...EXPLICIT_PARAMETERS,
  });
}

/** Connects by TCP, to a server that an earlier version left running. */
export function loopbackUrl(port: number, login: Login): string {
  return withParameters(`${credentials(login)}@127.0.0.1:${port}/${login.database}`, EXPLICIT_PARAMETERS);
}

function credentials({ role, password }: Login): string {
  return `postgresql://${role}:${password}`;
}

/** Not with `URLSearchParams`: not every program decodes its `+` as a space. */
function withParameters(address: string, parameters: Readonly<Record<string, string>>): string {
  const query = Object.entries(parameters).map(([name, value]) => `${name}=${encodeURIComponent(value)}`);
  return `${address}?${query.join('&')}`;
}

/** Everything needed to start the server and to connect to it. */
export interface ServerAccess {
  readonly installation: Installation;
  readonly socketFolder: string;
  readonly password: string;
  readonly role: ProcessRole;
}

/** The URL of the maintenance database, which the usage lock connects to. */
export function maintenanceUrl({ socketFolder, password }: ServerAccess): string {
  return socketUrl(socketFolder, { role: APPLICATION_ROLE, password, database: 'postgres' });
}
