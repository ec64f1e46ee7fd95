import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { open, readFile, rename, stat } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';
import type { Installation } from './installation.js';
import { processOptions } from './run-as-system-user.js';
import { findRunningServer } from './running-server.js';
import { SOCKET_PORT } from './unix-socket.js';

const CHECK_INTERVAL_MS = 5;
/**
 * Longest wait for the server, over all attempts to start it: enough for recovery after a crash under load. After it,
 * the server continues its recovery.
 */
export const START_TIMEOUT_MS = 60_000;
const MAX_LOG_BYTES = 10_000_000;

export interface StartSignals {
  /** Stops the server again. */
  readonly stopping: AbortSignal | undefined;
  /** Ends the wait: the server continues to start, which may be a long recovery. */
  readonly timeout: AbortSignal;
}

/**
 * Starts the server detached, in a process group of its own, so that neither Ctrl-C nor killing the application
 * reaches it. Resolves when it accepts connections, or when it gave way to another start, or when a signal aborts:
 * look for the running server again.
 * @throws {Error} with the server's log, when it cannot start.
 */
export async function startServer(
  installation: Installation,
  socketFolder: string,
  { stopping, timeout }: StartSignals,
): Promise<void> {
  const { directory } = installation;
  const logStart = await rotateLog(directory.log);
  const child = await spawnServer(installation, socketFolder);
  while (child.exitCode === null && child.signalCode === null) {
    const server = await findRunningServer(directory.cluster);
    if ((server?.pid === child.pid && server?.isReady === true) || timeout.aborted) return;
    if (stopping?.aborted === true) child.kill('SIGINT');
    await pause(CHECK_INTERVAL_MS);
  }
  if (stopping?.aborted === true) return;
  const logged = (await readFile(directory.log)).subarray(logStart).toString();
  // Exit code 0: another process used the server and stopped it before this one saw it ready.
  if (child.exitCode !== 0 && !gaveWay(logged))
    throw new Error(`PostgreSQL does not start; ${directory.log} says:\n${logged.trim().replaceAll(/^/gm, '  ')}`);
}

async function spawnServer({ binaries, directory, user }: Installation, socketFolder: string): Promise<ChildProcess> {
  await using log = await open(directory.log, 'a', 0o600);
  const child = spawn(binaries.postgres, serverArguments(directory.cluster, socketFolder), {
    ...processOptions(user),
    detached: true,
    stdio: ['ignore', log.fd, log.fd],
  });
  await once(child, 'spawn');
  child.unref();
  return child;
}

function serverArguments(cluster: string, socketFolder: string): string[] {
  const settings = {
    listen_addresses: '',
    port: SOCKET_PORT,
    // A comma-separated list, whose items may be quoted.
    unix_socket_directories: `"${socketFolder.replaceAll('"', '""')}"`,
    log_line_prefix: '%m [%p] %e ',
  };
  return ['-D', cluster, ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])];
}

/** F0001 is lock_file_exists: another start was first, or the processes of a killed server are still ending. */
function gaveWay(logged: string): boolean {
  return logged.includes(' F0001 FATAL');
}

/** Rotates a large log, and keeps one old file. Returns the offset at which this start begins to write. */
async function rotateLog(log: string): Promise<number> {
  const size = await stat(log).then(
    (file) => file.size,
    () => 0,
  );
  if (size < MAX_LOG_BYTES) return size;
  await rename(log, `${log}.1`);
  return 0;
}
