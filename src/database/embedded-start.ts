import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { open, readFile, rename, stat, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { processOptions } from './embedded-commands.js';
import type { Installation } from './embedded-installation.js';
import { findPostmaster } from './embedded-postmaster.js';

const STEP_MS = 5;
const LONGEST_LOG_BYTES = 10_000_000;

/**
 * Starts the server detached, in a process group of its own: neither Ctrl-C nor a killed application reaches it.
 * Resolves when it accepts connections, or when it gave way to another start or to whoever took its port: look again.
 * Also resolves when `signal` aborts the wait; the server goes on starting.
 * @throws {Error} with what it logged when it cannot start.
 */
export async function startPostmaster(installation: Installation, signal: AbortSignal): Promise<void> {
  const { directory } = installation;
  const port = await choosePort(directory.port);
  const logged = await trimLog(directory.log);
  const child = await launch(installation, port);
  while (child.exitCode === null && child.signalCode === null) {
    const server = await findPostmaster(directory.cluster);
    if (server?.pid === child.pid && server?.isReady === true) return rememberPort(directory.port, port);
    if (signal.aborted) return;
    await pause(STEP_MS);
  }
  const said = (await readFile(directory.log)).subarray(logged).toString();
  // Without an error it was stopped, by someone who used it and left before we looked.
  if (child.exitCode !== 0 && !gaveWay(said))
    throw new Error(`PostgreSQL does not start; ${directory.log} says:\n${said.trim()}`);
}

async function launch({ binaries, directory, user }: Installation, port: number): Promise<ChildProcess> {
  await using log = await open(directory.log, 'a', 0o600);
  const child = spawn(binaries.postgres, serverArguments(directory.cluster, port), {
    ...processOptions(user),
    detached: true,
    stdio: ['ignore', log.fd, log.fd],
  });
  await once(child, 'spawn');
  child.unref();
  return child;
}

function serverArguments(cluster: string, port: number): string[] {
  const settings = {
    listen_addresses: '127.0.0.1',
    port,
    // A socket's path may be too long for the folder it would lie in, and /tmp is everybody's.
    unix_socket_directories: '',
    log_line_prefix: '%m [%p] %e ',
  };
  return ['-D', cluster, ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])];
}

/** F0001 is lock_file_exists: another start was first, or the processes of a killed server are still ending. */
function gaveWay(said: string): boolean {
  return said.includes(' F0001 FATAL') || said.includes('could not create any TCP/IP sockets');
}

/** The port of the last start while it is free, so that the address stays; else any free one. */
async function choosePort(file: string): Promise<number> {
  const last = Number(await readFile(file, 'utf8').catch(() => '0'));
  const port = (last > 0 && last < 65_536 ? await freePort(last) : undefined) ?? (await freePort(0));
  if (port === undefined) throw new Error('127.0.0.1 has no free TCP port');
  return port;
}

async function rememberPort(file: string, port: number): Promise<void> {
  await writeFile(file, `${port}\n`, { mode: 0o600 });
}

/** The port asked for, or any for 0; undefined when it is taken. */
async function freePort(wanted: number): Promise<number | undefined> {
  const probe = createServer();
  try {
    await once(probe.listen(wanted, '127.0.0.1'), 'listening');
    return (probe.address() as AddressInfo).port;
  } catch {
    return undefined;
  } finally {
    await new Promise((resolve) => probe.close(resolve));
  }
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
