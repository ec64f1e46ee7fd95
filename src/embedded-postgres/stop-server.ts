import { setTimeout as pause } from 'node:timers/promises';
import { signalProcess, UnreadableLockError, unreadableLockOrThrow } from './lock-files.js';
import { findRunningServer } from './running-server.js';

const CHECK_INTERVAL_MS = 5;
/** Longest wait for a fast shutdown. */
const FAST_SHUTDOWN_TIMEOUT_MS = 60_000;
/** Longest wait for an immediate shutdown, and for the end after SIGKILL. */
const IMMEDIATE_SHUTDOWN_TIMEOUT_MS = 1000;

/**
 * Shuts the server down and waits for its end. A fast shutdown ends the sessions and flushes the data. Once
 * `immediately` aborts, it becomes an immediate shutdown, and the next start runs recovery.
 * @throws {Error} after a minute.
 */
export async function stopServer(cluster: string, immediately?: AbortSignal): Promise<void> {
  const server = await findRunningServer(cluster);
  if (server === undefined) return;
  const hasEnded = async (): Promise<boolean> => {
    const found = await findRunningServer(cluster).catch(unreadableLockOrThrow);
    return !(found instanceof UnreadableLockError) && found?.pid !== server.pid;
  };
  signalProcess(server.pid, 'SIGINT');
  if (await waitUntil(hasEnded, FAST_SHUTDOWN_TIMEOUT_MS, immediately)) return;
  if (immediately?.aborted !== true) {
    throw new Error(`PostgreSQL (process ${server.pid}) is still shutting down: wait until it has ended`);
  }
  signalProcess(server.pid, 'SIGQUIT');
  if (await waitUntil(hasEnded, IMMEDIATE_SHUTDOWN_TIMEOUT_MS)) return;
  signalProcess(server.pid, 'SIGKILL');
  await waitUntil(hasEnded, IMMEDIATE_SHUTDOWN_TIMEOUT_MS);
}

/** False when the time-out passes or `signal` aborts first. */
async function waitUntil(condition: () => Promise<boolean>, timeoutMs: number, signal?: AbortSignal): Promise<boolean> {
  const deadline = performance.now() + timeoutMs;
  while (!(await condition())) {
    if (performance.now() > deadline || signal?.aborted === true) return false;
    await pause(CHECK_INTERVAL_MS);
  }
  return true;
}
