import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { Agent, request } from 'node:http';
import { availableParallelism } from 'node:os';
import { setImmediate as turn } from 'node:timers/promises';
import { expect, onTestFinished } from 'vitest';
import { createDatabase } from './app.js';
import { processes } from './process-list.js';
import { FOR_TESTS, MASTER_SECRET, waitForUrl, type Environment, type Program } from './processes.js';

export interface WorkersNode extends Program {
  readonly exit: Promise<number | null>;
  readonly stderr: () => string;
  readonly pid: number;
}

/**
 * Starts a node of two workers in a process group of its own, with a database of the test unless one is given. `command` runs
 * Node.
 */
export async function startWorkers(
  changes: Environment = {},
  [command, ...args]: readonly [string, ...string[]] = [process.execPath],
): Promise<WorkersNode> {
  const { DATABASE_URL: _, ...inherited } = process.env;
  const isGiven = 'DATABASE_URL' in changes || 'DATA_DIR' in changes;
  const database = isGiven ? {} : { DATABASE_URL: await createDatabase() };
  const child = spawn(command, [...args, 'dist/main.js'], {
    env: { ...inherited, ...FOR_TESTS, MASTER_SECRET, WORKERS: '2', ...database, ...changes },
    detached: true,
  });
  let output = '';
  let errors = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => (output += chunk));
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => (errors += chunk));
  const exit = once(child, 'close').then(([code]) => code as number | null);
  const pid = child.pid ?? 0;
  onTestFinished(async () => {
    for (const worker of [...workersOf(pid), pid]) {
      try {
        process.kill(worker, 'SIGKILL');
      } catch {
        // It has ended.
      }
    }
    await exit;
  });
  return { process: child, output: () => output + errors, stderr: () => errors, exit, pid };
}

/** The lines of its output that contain the text. */
export const linesOf = ({ output }: Program, text: string): string[] =>
  output()
    .split('\n')
    .filter((line) => line.includes(text));

/** {@link startWorkers}, and waits until all serve. */
export async function serveByWorkers(changes: Environment = {}): Promise<{ node: WorkersNode; url: string }> {
  const node = await startWorkers(changes);
  const url = await waitForUrl(node);
  const { WORKERS = '2' } = changes;
  const count = WORKERS === 'auto' ? availableParallelism() : Number(WORKERS);
  await expect.poll(() => linesOf(node, 'Server listening').length, { timeout: 20_000 }).toBe(count);
  return { node, url };
}

/** The process ids of the workers of the primary. */
export function workersOf(pid: number): number[] {
  return processes().flatMap((each) => (each.group === pid && each.pid !== pid ? [each.pid] : []));
}

/** Most connections of one {@link connectWhileStopped}. */
export const CONNECTIONS = 8;

/** Opens connections while these workers are stopped, so that the others accept all of them; they stay with those. */
export async function connectWhileStopped(url: string, workers: readonly number[]): Promise<Agent> {
  for (const worker of workers) process.kill(worker, 'SIGSTOP');
  const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });
  onTestFinished(() => agent.destroy());
  await Promise.all(Array.from({ length: CONNECTIONS }, () => post(url, agent, 'v1/auth/logout', {})));
  await turn();
  // Some of them may have been sent on one connection. Later ones would go to any worker.
  agent.maxSockets = Object.values(agent.freeSockets).reduce((sum, sockets = []) => sum + sockets.length, 0);
  expect(agent.maxSockets).toBeGreaterThan(1);
  for (const worker of workers) process.kill(worker, 'SIGCONT');
  return agent;
}

/** The status of the response. */
export function post(url: string, agent: Agent, path: string, json: object): Promise<number> {
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json' };
    const sent = request(`${url}/${path}`, { method: 'POST', agent, headers }, (response) =>
      response.resume().on('end', () => resolve(response.statusCode ?? 0)),
    );
    sent.on('error', reject).end(JSON.stringify(json));
  });
}
