import { clusterLock, isAlive, isServerOf, processIdIn, readLockFile, removeUnchanged } from './lock-files.js';

/** PostgreSQL's first process (the postmaster), as `postmaster.pid` describes it. */
export interface RunningServer {
  readonly pid: number;
  /** Empty for a server that an earlier version started: it listens on this TCP port of 127.0.0.1. */
  readonly socketFolder: string;
  readonly port: number;
  /** Whether it accepts connections: it is neither starting (possibly recovering) nor stopping. */
  readonly isReady: boolean;
}

/** The running server of this data directory; undefined when `postmaster.pid` is stale or missing. */
export async function findRunningServer(cluster: string): Promise<RunningServer | undefined> {
  const file = clusterLock(cluster);
  const text = (await readLockFile(file)) ?? '';
  const pid = processIdIn(text) ?? 0;
  if (!isAlive(pid)) return undefined;
  if (!(await isServerOf(cluster, pid))) {
    // PostgreSQL cannot tell that the process id belongs to another program, and would refuse to start.
    await removeUnchanged(file, text);
    return undefined;
  }
  // The lines: pid, data directory, start time, port, socket folder, address, shared memory key, status.
  const [, , , port, socketFolder = '', , , status] = text.split('\n');
  return { pid, socketFolder, port: Number(port), isReady: status === 'ready   ' };
}
