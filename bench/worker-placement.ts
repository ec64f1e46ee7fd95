import type { Placement } from './load-generator.ts';
import type { ProductNode } from './server-processes.ts';

/** Worker processes that are stopped accept nothing. */
async function whileStopped(pids: readonly number[], work: () => Promise<void>): Promise<void> {
  for (const pid of pids) process.kill(pid, 'SIGSTOP');
  try {
    await work();
  } finally {
    for (const pid of pids) process.kill(pid, 'SIGCONT');
  }
}

const workersOf = (node: ProductNode): number[] => node.pids().slice(1);

/** Every worker accepts as many connections as any other: the kernel would give one of them most, and differently each time. */
export function evenly(node: ProductNode): Placement {
  return async (open, total) => {
    const workers = workersOf(node);
    for (const accepting of workers) {
      const others = workers.filter((worker) => worker !== accepting);
      await whileStopped(others, () => open(total / workers.length));
    }
  };
}

/** One worker accepts all connections. @param index which */
export function allAtOne(node: ProductNode, index = 0): Placement {
  const others = (): number[] => workersOf(node).filter((_, worker) => worker !== index);
  return (open, total) => whileStopped(others(), () => open(total));
}
