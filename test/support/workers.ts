import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, onTestFinished } from 'vitest';
import { createDatabase } from './app.js';
import { MASTER_SECRET, waitForUrl, type Environment, type Program } from './processes.js';

export interface WorkersNode extends Program {
  readonly exit: Promise<number | null>;
  readonly stderr: () => string;
  readonly pid: number;
}

/** Starts a node of two workers in a process group of its own. */
export async function startWorkers(changes: Environment = {}): Promise<WorkersNode> {
  const { DATABASE_URL = await createDatabase(), ...others } = changes;
  const child = spawn(process.execPath, ['dist/main.js'], {
    env: { ...process.env, PORT: '0', RATE_LIMITS: 'off', MASTER_SECRET, WORKERS: '2', DATABASE_URL, ...others },
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

/** {@link startWorkers}, and waits until both serve. */
export async function serveByWorkers(changes: Environment = {}): Promise<{ node: WorkersNode; url: string }> {
  const node = await startWorkers(changes);
  const url = await waitForUrl(node);
  await expect.poll(() => linesOf(node, 'Server listening').length, { timeout: 20_000 }).toBe(2);
  return { node, url };
}

/** The process ids of the workers of the primary. */
export function workersOf(pid: number): number[] {
  return execFileSync('ps', ['-eo', 'pid=,ppid=,pgid=,stat=,args='], { encoding: 'utf8' })
    .split('\n')
    .map((line) => line.trim().split(/ +/))
    .filter(([, , group, state]) => Number(group) === pid && state?.startsWith('Z') === false)
    .map(([worker]) => Number(worker))
    .filter((worker) => worker !== pid);
}
