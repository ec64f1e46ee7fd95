import { setPriority } from 'node:os';
import { parentPort, workerData } from 'node:worker_threads';
// `.ts`, because tests run this source file, beside which there is no .js. The build rewrites the extension.
import { loadArgon2Implementation, type Argon2Package } from './argon2-implementation.ts';
import type { HashReply, HashTask } from './hash-worker-handle.js';

/** The lowest priority: a thread that serves requests gets the core at once. */
const NICENESS = 19;

/** On Linux niceness belongs to a thread; elsewhere it would apply to the whole process. */
function lowerPriority(): void {
  if (process.platform !== 'linux') return;
  try {
    setPriority(NICENESS);
  } catch {
    // A sandbox may forbid it. Hashes then compete with requests at equal priority.
  }
}

lowerPriority();
const argon2 = await loadArgon2Implementation(workerData as readonly Argon2Package[]);

function runTask(task: HashTask): string | boolean | Promise<string | boolean> {
  return task.kind === 'hash' ? argon2.hash(task.password, task.cost) : argon2.verify(task.passwordHash, task.password);
}

async function reply(task: HashTask): Promise<HashReply> {
  const startedAt = performance.now();
  try {
    const value = await runTask(task);
    return { value, milliseconds: performance.now() - startedAt };
  } catch (error) {
    return { error };
  }
}

parentPort?.on('message', (task: HashTask) => void reply(task).then((message) => parentPort?.postMessage(message)));
