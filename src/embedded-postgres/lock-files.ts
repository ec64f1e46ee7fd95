import { readdir, readFile, rm, stat } from 'node:fs/promises';
import { basename, isAbsolute, join } from 'node:path';

/** How long a lock file must have been without a process id: PostgreSQL makes it empty, then writes. */
const SETTLED_MS = 10_000;
/** The same where nobody can say which processes there are. */
const SETTLED_WITHOUT_PROC_MS = 60_000;

/** When each file was first seen without a process id. A file's own time may lie in the future. */
const firstSeen = new Map<string, number>();

/** What a lock file says is not known: neither that a server runs nor that none does. */
export class UnreadableLockError extends Error {
  override readonly name = 'UnreadableLockError';
}

/**
 * `postmaster.pid`, or the lock file of a socket: undefined when it is missing.
 * @throws {UnreadableLockError} when its device, or the server of its file system, does not give it.
 */
export async function readLockFile(file: string): Promise<string | undefined> {
  return readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw new UnreadableLockError(`${file} cannot be read (${error.code ?? error.message})`, { cause: error });
  });
}

/** To be caught with: the error itself where a lock file could not be read. */
export function unlessUnreadable(error: unknown): UnreadableLockError {
  if (error instanceof UnreadableLockError) return error;
  throw error;
}

/** The process id in its first line; negative for a stand-alone backend, undefined for what is no lock file. */
export function processIdIn(text: string): number | undefined {
  const found = /^-?[1-9]\d{0,9}(?=\n|$)/.exec(text)?.[0];
  return found === undefined ? undefined : Number(found);
}

/**
 * Removes a lock file that a crash left and PostgreSQL would not start over: its process id now belongs to something
 * else, or there is none in it.
 * @returns what is in the way of a start; undefined when nothing is, as far as this file tells.
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
  const seconds = (processes === undefined ? SETTLED_WITHOUT_PROC_MS : SETTLED_MS) / 1000;
  const [first] = processes ?? [];
  if (first !== undefined) {
    return `${file} names no process, as after a power failure, and process ${first} is a postgres of this folder: end it`;
  }
  if ((await ageMs(file)) < seconds * 1000) {
    return `${file} names no process, as after a power failure; it is removed when it has been so for ${seconds} s`;
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

/** Unless it is another's meanwhile. */
export async function removeUnchanged(file: string, text: string): Promise<void> {
  firstSeen.delete(file);
  if ((await readLockFile(file)) === text) await rm(file, { force: true });
}

export function isAlive(pid: number): boolean {
  return pid > 0 && signalProcess(pid, 0);
}

/** Whether there was such a process. */
export function signalProcess(pid: number, name: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
    if (name === 0) return true;
    throw error;
  }
}

/** Doubt means yes: taking a live server for a stale one could put two on the same data. */
export async function isServerOf(cluster: string, pid: number): Promise<boolean> {
  const command = await commandOf(pid);
  if (command === undefined) return true;
  const [program = '', ...args] = command;
  if (basename(program) !== 'postgres') return false;
  const folder = folderOf(args);
  return folder === undefined || !isAbsolute(folder) || folder === cluster || (await worksIn(cluster, pid)) === true;
}

/**
 * Doubt means no: for what a program that merely has the process id of a crashed server must not be told. Where there is no `/proc` it
 * is never proven.
 */
export async function isProvenServerOf(cluster: string, pid: number): Promise<boolean> {
  const [program = '', ...args] = (await commandOf(pid)) ?? [];
  if (basename(program) !== 'postgres' || !(await isOfOwner(cluster, pid))) return false;
  return folderOf(args) === cluster || (await worksIn(cluster, pid)) === true;
}

/** Anybody may give a program a name and arguments, but not another's user. */
async function isOfOwner(cluster: string, pid: number): Promise<boolean> {
  const [own, folder] = await Promise.all([stat(`/proc/${pid}`).catch(() => undefined), stat(cluster)]);
  return own?.uid === folder.uid;
}

/** PostgreSQL's processes on this folder, orphaned ones too; undefined where the system does not tell. */
async function serverProcessesOf(cluster: string): Promise<number[] | undefined> {
  const pids = (await readdir('/proc').catch(() => [])).filter((name) => /^\d+$/.test(name)).map(Number);
  if (pids.length === 0) return undefined;
  const found: number[] = [];
  for (const pid of pids) if (await isServerProcessOf(cluster, pid)) found.push(pid);
  return found;
}

async function isServerProcessOf(cluster: string, pid: number): Promise<boolean> {
  const [program = '', ...args] = (await commandOf(pid)) ?? [];
  // All but the first process show what they do in place of their arguments.
  if (!/^(?:\S*\/)?postgres(?:: |$)/.test(program)) return false;
  const folder = folderOf(args);
  if (folder === cluster) return true;
  return (await worksIn(cluster, pid)) ?? (folder === undefined || !isAbsolute(folder));
}

async function commandOf(pid: number): Promise<string[] | undefined> {
  const command = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => undefined);
  return command?.split('\0');
}

function folderOf(args: readonly string[]): string | undefined {
  const at = args.indexOf('-D');
  return at < 0 ? undefined : args[at + 1];
}

/** Whether the folder is the process's own, by whatever path; undefined where this user may not know. */
async function worksIn(cluster: string, pid: number): Promise<boolean | undefined> {
  try {
    const [own, folder] = await Promise.all([stat(`/proc/${pid}/cwd`), stat(cluster)]);
    return own.dev === folder.dev && own.ino === folder.ino;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT' ? false : undefined;
  }
}

/** The lock file that PostgreSQL keeps beside a socket. */
export function socketLock(socket: string): string {
  return `${socket}.lock`;
}

/** The lock file of a data directory. */
export function clusterLock(cluster: string): string {
  return join(cluster, 'postmaster.pid');
}
