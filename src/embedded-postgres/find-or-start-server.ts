import { setTimeout as pause } from 'node:timers/promises';
import { unreadableLockOrThrow } from './lock-files.js';
import { stopOutdatedServer } from './outdated-server.js';
import { findRunningServer, type RunningServer } from './running-server.js';
import { maintenanceUrl, type ServerAccess } from './server-url.js';
import { StartAttempts } from './start-attempts.js';
import { START_TIMEOUT_MS } from './start-server.js';
import { stopServer } from './stop-server.js';
import { isListening, socketIn } from './unix-socket.js';
import { transientOrThrow, UsageLock } from './usage-lock.js';

const CHECK_INTERVAL_MS = 10;

/**
 * Finds the running server, or starts it, and retries while the obstacle is temporary.
 * @returns this process's lock on the use of the server.
 */
export async function findOrStartServer(access: ServerAccess, stopping?: AbortSignal): Promise<UsageLock> {
  const { log } = access.installation.directory;
  const timeout = AbortSignal.timeout(START_TIMEOUT_MS);
  const starts = new StartAttempts(access, { stopping, timeout });
  let obstacle: unknown = 'it is starting or stopping';
  const isAborted = (): boolean => timeout.aborted || stopping?.aborted === true;
  while (!isAborted()) {
    const found = await tryLock(access, starts).catch(unreadableLockOrThrow);
    if (found instanceof UsageLock) return found;
    obstacle = found ?? obstacle;
    await pause(CHECK_INTERVAL_MS);
  }
  if (starts.count > 0 && stopping?.aborted === true) await stopUnusedServer(access).catch(unreadableLockOrThrow);
  const cause: unknown = stopping?.aborted === true ? stopping.reason : obstacle;
  throw new Error(`PostgreSQL accepts no connections: ${textOf(obstacle)}; see ${log}`, { cause });
}

function textOf(obstacle: unknown): string {
  return obstacle instanceof Error ? obstacle.message : String(obstacle);
}

/** @returns the lock, or the obstacle. */
async function tryLock(access: ServerAccess, starts: StartAttempts): Promise<unknown> {
  const { installation, socketFolder, role } = access;
  const running = await findRunningServer(installation.directory.cluster);
  if (running === undefined) return starts.startNext();
  if (!running.isReady) return undefined;
  if (running.socketFolder !== socketFolder) return stopOutdatedServer(running, access);
  const lock = await UsageLock.acquire(maintenanceUrl(access), role).catch(transientOrThrow);
  if (!(lock instanceof UsageLock)) await stopUnreachableServer(running, access);
  return lock;
}

/** Stops a server that this process started and does not need any more, unless another process uses it. */
async function stopUnusedServer(access: ServerAccess): Promise<void> {
  const { cluster } = access.installation.directory;
  if ((await findRunningServer(cluster))?.isReady !== true) return;
  const lock = await UsageLock.acquire(maintenanceUrl(access), 'script').catch(() => undefined);
  if ((await lock?.lockExclusivelyIfLast()) === true) await stopServer(cluster);
  await lock?.release();
}

/** Stops a server whose socket was removed: a server that is ready listens. */
async function stopUnreachableServer(
  { pid }: RunningServer,
  { installation, socketFolder }: ServerAccess,
): Promise<void> {
  const { cluster } = installation.directory;
  if (await isListening(socketIn(socketFolder))) return;
  const server = await findRunningServer(cluster);
  if (server?.pid === pid && server.isReady) await stopServer(cluster);
}
