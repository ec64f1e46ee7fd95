import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { open, readFile, rename, stat } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';
import { processOptions } from './run-as-system-user.js';
import type { Installation } from './installation.js';
import { findRunningServer } from './running-server.js';
import { PORT } from './unix-socket.js';

const STEP_MS = 5;
const LONGEST_LOG_BYTES = 10_000_000;

/**
 * Starts the server detached, in a process group of its own: neither Ctrl-C nor a killed application reaches it.
 * Resolves when it accepts connections, or when it gave way to another start: look again. When `stopping` aborts it is
 * stopped again; when `patience` does it is left starting, which may be a long recovery.
 * @throws {Error} with what it logged when it cannot start.
 */
export async function startServer(
  installation: Installation,
  socketFolder: string,
  { stopping, patience }: { stopping: AbortSignal | undefined; patience: AbortSignal },
): Promise<void> {
  const { directory } = installation;
  const logged = await trimLog(directory.log);
  const child = await launch(installation, socketFolder);
  while (child.exitCode === null && child.signalCode === null) {
    const server = await findRunningServer(directory.cluster);
    if ((server?.pid === child.pid && server?.isReady === true) || patience.aborted) return;
    if (stopping?.aborted === true) child.kill('SIGINT');
    await pause(STEP_MS);
  }
  if (stopping?.aborted === true) return;
  const said = (await readFile(directory.log)).subarray(logged).toString();
  // Without an error it was stopped, by someone who used it and left before we looked.
  if (child.exitCode !== 0 && !gaveWay(said))
    throw new Error(`PostgreSQL does not start; ${directory.log} says:\n${said.trim()}`);
}

async function launch({ binaries, directory, user }: Installation, socketFolder: string): Promise<ChildProcess> {
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
    port: PORT,
    // A list, in which commas separate and quotes protect.
    unix_socket_directories: `"${socketFolder.replaceAll('"', '""')}"`,
    log_line_prefix: '%m [%p] %e ',
  };
  return ['-D', cluster, ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])];
}

/** F0001 is lock_file_exists: another start was first, or the processes of a killed server are still ending. */
function gaveWay(said: string): boolean {
  return said.includes(' F0001 FATAL');
}

/** Keeps one old log. Returns where this start begins to write. */
async function trimLog(log: string): Promise<number> {
  const size = await stat(log).then(
    (file) => file.size,
    () => 0,
  );
  if (size < LONGEST_LOG_BYTES) return size;
  await rename(log, `${log}.1`);
  return 0;
}
