import { readFile, rm } from 'node:fs/promises';
import { basename, isAbsolute, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

/** The server's first process, as its `postmaster.pid` has it. */
export interface Postmaster {
  readonly pid: number;
  readonly port: number;
  /** It accepts connections: neither starting (which may mean recovering) nor stopping. */
  readonly isReady: boolean;
}

const STEP_MS = 5;
const LONGEST_STOP_MS = 60_000;

/** The running server of this data directory. A stale `postmaster.pid` counts as none. */
export async function findPostmaster(cluster: string): Promise<Postmaster | undefined> {
  const file = join(cluster, 'postmaster.pid');
  const text = await readPidFile(file);
  // Line by line: pid, data directory, start time, port, socket folder, address, shared memory key, status.
  const [pid, , , port, , , , status] = text.split('\n');
  if (!isAlive(Number(pid))) return undefined;
  if (await isOf(cluster, Number(pid))) return { pid: Number(pid), port: Number(port), isReady: status === 'ready   ' };
  // Its pid now belongs to some other process. PostgreSQL cannot tell them apart and would refuse to start.
  if ((await readPidFile(file)) === text) await rm(file, { force: true });
  return undefined;
}

/** Fast shutdown: sessions end, data is flushed. Resolves when the server is gone. @throws {Error} after a minute. */
export async function stopPostmaster(cluster: string): Promise<void> {
  const server = await findPostmaster(cluster);
  if (server === undefined) return;
  signal(server.pid, 'SIGINT');
  const deadline = performance.now() + LONGEST_STOP_MS;
  while ((await findPostmaster(cluster))?.pid === server.pid) {
    if (performance.now() > deadline) throw new Error(`PostgreSQL (process ${server.pid}) is still shutting down`);
    await pause(STEP_MS);
  }
}

export function isAlive(pid: number): boolean {
  return pid > 0 && signal(pid, 0);
}

/** Whether there was such a process. */
function signal(pid: number, name: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
    if (name === 0) return true;
    throw error;
  }
}

async function readPidFile(file: string): Promise<string> {
  return readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return '';
    throw error;
  });
}

/** Doubt means yes: taking a live server for a stale one could put two on the same data. */
async function isOf(cluster: string, pid: number): Promise<boolean> {
  const command = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => undefined);
  if (command === undefined) return true;
  const [program = '', ...args] = command.split('\0');
  const folder = args[args.indexOf('-D') + 1] ?? '';
  return basename(program) === 'postgres' && (!isAbsolute(folder) || folder === cluster);
}
