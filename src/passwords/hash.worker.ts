import { setPriority } from 'node:os';
import { parentPort, workerData } from 'node:worker_threads';
// Tests run this file as it is: there, Node finds no .js.
import { loadArgon2Implementation, type Argon2Package } from './argon2-implementation.ts';
import type { HashReply, HashTask } from './hash-worker-handle.js';

/** The least urgent there is: a thread of requests that wants the core has it at once. */
const NICENESS = 19;

/** Linux gives each thread a niceness of its own; elsewhere the whole process would have it. */
function yieldToRequests(): void {
  if (process.platform !== 'linux') return;
  try {
    setPriority(NICENESS);
  } catch {
    // Sandboxes may forbid it; then hashes compete with requests on equal terms.
  }
}

yieldToRequests();
const engine = await loadArgon2Implementation(workerData as readonly Argon2Package[]);

function run(task: HashTask): string | boolean | Promise<string | boolean> {
  return task.kind === 'hash' ? engine.hash(task.password, task.cost) : engine.verify(task.passwordHash, task.password);
}

async function reply(task: HashTask): Promise<HashReply> {
  const startedAt = performance.now();
  try {
    const value = await run(task);
    return { value, milliseconds: performance.now() - startedAt };
  } catch (error) {
    return { error };
  }
}

parentPort?.on('message', (task: HashTask) => void reply(task).then((message) => parentPort?.postMessage(message)));
