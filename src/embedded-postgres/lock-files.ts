import { readdir, readFile, rm, stat } from 'node:fs/promises';
import { basename, isAbsolute, join } from 'node:path';

/** How long a lock file must have had no process id before it is removed: PostgreSQL creates it empty, then writes. */
const MIN_AGE_MS = 10_000;
/** The same where the processes cannot be listed. */
const MIN_AGE_WITHOUT_PROC_MS = 60_000;

/** When each file was first seen without a process id. A file's own time may be in the future. */
const firstSeen = new Map<string, number>();

/** A lock file cannot be read, so that it is unknown whether a server runs. */
export class UnreadableLockError extends Error {
  override readonly name = 'UnreadableLockError';
}

/**
 * Reads `postmaster.pid` or the lock file of a socket; undefined when it is missing.
 * @throws {UnreadableLockError} for any other error of the device or the file system.
 */
export async function readLockFile(file: string): Promise<string | undefined> {
  return readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw new UnreadableLockError(`${file} cannot be read (${error.code ?? error.message})`, { cause: error });
  });
}

/** Rejection handler: returns the error of an unreadable lock file, and throws any other. */
export function unreadableLockOrThrow(error: unknown): UnreadableLockError {
  if (error instanceof UnreadableLockError) return error;
  throw error;
}

/** The process id in the first line; negative for a single-user backend, undefined if there is none. */
export function processIdIn(text: string): number | undefined {
  const found = /^-?[1-9]\d{0,9}(?=\n|$)/.exec(text)?.[0];
  return found === undefined ? undefined : Number(found);
}

/**
 * Removes a lock file that a crash left behind and that would prevent a start: its process id now belongs to another
 * program, or it contains none.
 * @returns the obstacle to a start; undefined when the file is none.
 */
export async function clearLockFile(file: string, cluster: string): Promise<string | undefined> {
  const text = await readLockFile(file);
  if (text === undefined) return undefined;
  const pid = processIdIn(text);
  if (pid === undefined) return clearWithoutPid(file, text, cluster);
  firstSeen.delete(file);
  if (isAlive(Math.abs(pid)) && !(await isServerOf(cluster, Math.abs(pid)))) await removeUnchanged(file, text);
  return undefined;
}

async function clearWithoutPid(file: string, text: string, cluster: string): Promise<string | undefined> {
  const processes = await serverProcessesOf(cluster);
  const seconds = (processes === undefined ? MIN_AGE_WITHOUT_PROC_MS : MIN_AGE_MS) / 1000;
  const [first] = processes ?? [];
  if (first !== undefined) {
    return `${file} contains no process id, as after a power failure, and process ${first} is a postgres of this folder: end that process`;
  }
  if ((await ageMs(file)) < seconds * 1000) {
    return `${file} contains no process id, as after a power failure; it will be removed when that has been so for ${seconds} s`;
  }
  await removeUnchanged(file, text);
  return undefined;
}

async function ageMs(file: string): Promise<number> {
  const now = performance.now();
  const seenAt = firstSeen.get(file) ?? now;
  firstSeen.set(file, seenAt);
  const { mtimeMs } = await stat(file);
  return Math.max(Date.now() - mtimeMs, now - seenAt);
}

/** Removes the file unless another process has written it meanwhile. */
export async function removeUnchanged(file: string, text: string): Promise<void> {
  firstSeen.delete(file);
  if ((await readLockFile(file)) === text) await rm(file, { force: true });
}

export function isAlive(pid: number): boolean {
  return pid > 0 && signalProcess(pid, 0);
}

/** False when there is no such process. */
export function signalProcess(pid: number, name: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
    if (name === 0) return true;
    throw error;
  }
}

/**
 * Whether the process is a server on this cluster. True in doubt: mistaking a live server for a stale one
 * could start two on the same data.
 */
export async function isServerOf(cluster: string, pid: number): Promise<boolean> {
  const command = await commandLineOf(pid);
  if (command === undefined) return true;
  const [program = '', ...args] = command;
  if (basename(program) !== 'postgres') return false;
  const folder = folderOf(args);
  return (
    folder === undefined ||
    !isAbsolute(folder) ||
    folder === cluster ||
    (await hasWorkingDirectory(cluster, pid)) === true
  );
}

/**
 * Whether the process is certainly a server on this cluster. False in doubt, and always without `/proc`: the password
 * must not be sent to a program that merely has the process id of a crashed server.
 */
export async function isProvenServerOf(cluster: string, pid: number): Promise<boolean> {
  const [program = '', ...args] = (await commandLineOf(pid)) ?? [];
  if (basename(program) !== 'postgres' || !(await isOwnedByClusterOwner(cluster, pid))) return false;
  return folderOf(args) === cluster || (await hasWorkingDirectory(cluster, pid)) === true;
}

/** Any user can give a process this name and these arguments, but cannot run it as another user. */
async function isOwnedByClusterOwner(cluster: string, pid: number): Promise<boolean> {
  const [own, folder] = await Promise.all([stat(`/proc/${pid}`).catch(() => undefined), stat(cluster)]);
  return own?.uid === folder.uid;
}

/**
 * All PostgreSQL processes on this folder, orphaned ones included; undefined where the system does not list processes.
 */
async function serverProcessesOf(cluster: string): Promise<number[] | undefined> {
  const pids = (await readdir('/proc').catch(() => [])).filter((name) => /^\d+$/.test(name)).map(Number);
  if (pids.length === 0) return undefined;
  const found: number[] = [];
  for (const pid of pids) if (await isServerProcessOf(cluster, pid)) found.push(pid);
  return found;
}

async function isServerProcessOf(cluster: string, pid: number): Promise<boolean> {
  const [program = '', ...args] = (await commandLineOf(pid)) ?? [];
  // All processes but the first show their state in place of the arguments.
  if (!/^(?:\S*\/)?postgres(?:: |$)/.test(program)) return false;
  const folder = folderOf(args);
  if (folder === cluster) return true;
  return (await hasWorkingDirectory(cluster, pid)) ?? (folder === undefined || !isAbsolute(folder));
}

async function commandLineOf(pid: number): Promise<string[] | undefined> {
  const command = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => undefined);
  return command?.split('\0');
}

function folderOf(args: readonly string[]): string | undefined {
  const at = args.indexOf('-D');
  return at < 0 ? undefined : args[at + 1];
}

/**
 * Whether the cluster is the process's working directory, by whatever path; undefined without the permission to see it.
 */
async function hasWorkingDirectory(cluster: string, pid: number): Promise<boolean | undefined> {
  try {
    const [own, folder] = await Promise.all([stat(`/proc/${pid}/cwd`), stat(cluster)]);
    return own.dev === folder.dev && own.ino === folder.ino;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT' ? false : undefined;
  }
}

/** The lock file that PostgreSQL creates beside a socket. */
export function socketLock(socket: string): string {
  return `${socket}.lock`;
}

/** The lock file of a data directory. */
export function clusterLock(cluster: string): string {
  return join(cluster, 'postmaster.pid');
}
