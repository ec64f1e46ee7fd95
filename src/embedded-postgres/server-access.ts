import { APPLICATION_ROLE } from './application-role.js';
import type { Installation } from './installation.js';
import { socketUrl } from './server-url.js';
import type { ProcessRole } from './usage-lock.js';

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
