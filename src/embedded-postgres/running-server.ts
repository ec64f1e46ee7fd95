import { setTimeout as pause } from 'node:timers/promises';
import {
  clusterLock,
  isAlive,
  isServerOf,
  processIdIn,
  readLockFile,
  removeUnchanged,
  signalProcess,
  UnreadableLockError,
  unlessUnreadable,
} from './lock-files.js';

/** The server's first process, as its `postmaster.pid` has it. */
export interface RunningServer {
  readonly pid: number;
  /** Empty for one that an earlier version started: it listens on this TCP port of 127.0.0.1. */
  readonly socketFolder: string;
  readonly port: number;
  /** It accepts connections: neither starting (which may mean recovering) nor stopping. */
  readonly isReady: boolean;
}

const STEP_MS = 5;
const LONGEST_STOP_MS = 60_000;
/** For an immediate shutdown. */
const LONGEST_IMMEDIATE_STOP_MS = 1000;

/** The running server of this data directory. A stale `postmaster.pid` counts as none. */
export async function findRunningServer(cluster: string): Promise<RunningServer | undefined> {
  const file = clusterLock(cluster);
  const text = (await readLockFile(file)) ?? '';
  const pid = processIdIn(text) ?? 0;
  if (!isAlive(pid)) return undefined;
  if (!(await isServerOf(cluster, pid))) {
    // PostgreSQL cannot tell the two apart and would refuse to start.
    await removeUnchanged(file, text);
    return undefined;
  }
  // Line by line: pid, data directory, start time, port, socket folder, address, shared memory key, status.
  const [, , , port, socketFolder = '', , , status] = text.split('\n');
  return { pid, socketFolder, port: Number(port), isReady: status === 'ready   ' };
}

/**
 * Fast shutdown: sessions end, data is flushed. Once `immediately` aborts, an immediate one, after which the next start
 * recovers. Resolves when the server is gone. @throws {Error} after a minute.
 */
export async function stopServer(cluster: string, immediately?: AbortSignal): Promise<void> {
  const server = await findRunningServer(cluster);
  if (server === undefined) return;
  const isGone = async (): Promise<boolean> => {
    const found = await findRunningServer(cluster).catch(unlessUnreadable);
    return !(found instanceof UnreadableLockError) && found?.pid !== server.pid;
  };
  signalProcess(server.pid, 'SIGINT');
  if (await comesTrue(isGone, LONGEST_STOP_MS, immediately)) return;
  if (immediately?.aborted !== true) throw new Error(`PostgreSQL (process ${server.pid}) is still shutting down`);
  signalProcess(server.pid, 'SIGQUIT');
  if (await comesTrue(isGone, LONGEST_IMMEDIATE_STOP_MS)) return;
  signalProcess(server.pid, 'SIGKILL');
  await comesTrue(isGone, LONGEST_IMMEDIATE_STOP_MS);
}

async function comesTrue(fact: () => Promise<boolean>, withinMs: number, orUntil?: AbortSignal): Promise<boolean> {
  const deadline = performance.now() + withinMs;
  while (!(await fact())) {
    if (performance.now() > deadline || orUntil?.aborted === true) return false;
    await pause(STEP_MS);
  }
  return true;
}
