import { APPLICATION_ROLE } from './application-role.js';
import { clusterLock, isProvenServerOf } from './lock-files.js';
import type { RunningServer } from './running-server.js';
import { type ServerAccess, loopbackUrl, socketUrl } from './server-url.js';
import { stopServer } from './stop-server.js';
import { transientOrThrow, UsageLock } from './usage-lock.js';

/**
 * Stops a server that an earlier version started, or that has its socket in another folder, unless a process uses it.
 * @returns the obstacle, if the server was not stopped.
 */
export async function stopOutdatedServer(
  { pid, port, socketFolder }: RunningServer,
  access: ServerAccess,
): Promise<unknown> {
  const { installation, password, role } = access;
  const { cluster } = installation.directory;
  if (socketFolder === '' && !(await isProvenServerOf(cluster, pid))) {
    throw new Error(
      `${clusterLock(cluster)} names process ${pid}, which may be another program than PostgreSQL on this folder. Check it with ps -p ${pid} -o args: ` +
        `if it is postgres with -D ${cluster}, an earlier version left it running, and kill -INT ${pid} ends it; otherwise remove that file`,
    );
  }
  const login = { role: APPLICATION_ROLE, password, database: 'postgres' };
  const url = socketFolder === '' ? loopbackUrl(port, login) : socketUrl(socketFolder, login);
  const lock = await UsageLock.acquire(url, role).catch(transientOrThrow);
  if (!(lock instanceof UsageLock)) return lock;
  try {
    if (!(await lock.lockExclusivelyIfLast()))
      return 'another version started it, and a process still uses it: end that process first';
    await stopServer(cluster);
  } finally {
    await lock.release();
  }
  return undefined;
}
