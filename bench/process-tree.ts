import { readdirSync, readFileSync } from 'node:fs';

/**
 * The process and its descendants: a node with several workers. Empty without `/proc`, so Linux only, and for a process
 * that has ended.
 */
export function processTree(pid: number): number[] {
  const found = [pid];
  for (const parent of found) {
    for (const task of tasksOf(parent)) {
      const children = readOrEmpty(`/proc/${parent}/task/${task}/children`).trim();
      if (children !== '') found.push(...children.split(' ').map(Number));
    }
  }
  return found.filter((each) => tasksOf(each).length > 0);
}

export function parentOf(pid: number): number {
  return Number(/^PPid:\s+(\d+)$/m.exec(readOrEmpty(`/proc/${pid}/status`))?.[1]);
}

/** CPU milliseconds of the running threads with a name, and of all other running threads. */
export interface ThreadTimes {
  readonly named: number;
  readonly others: number;
}

/**
 * CPU milliseconds of the running threads of these processes, those with the name apart. What a thread or a process
 * that has ended used is not counted.
 */
export function threadMilliseconds(pids: readonly (number | 'self')[], name: string): ThreadTimes {
  const sums = { named: 0, others: 0 };
  for (const pid of pids) {
    for (const task of tasksOf(pid)) {
      const isNamed = readOrEmpty(`/proc/${pid}/task/${task}/comm`).trim() === name;
      const nanoseconds = Number(readOrEmpty(`/proc/${pid}/task/${task}/schedstat`).split(' ')[0]);
      sums[isNamed ? 'named' : 'others'] += nanoseconds / 1e6;
    }
  }
  return sums;
}

/** Bytes of resident memory of these processes together. */
export function residentBytes(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => {
    const [, kilobytes = '0'] = /^VmRSS:\s+(\d+) kB$/m.exec(readOrEmpty(`/proc/${pid}/status`)) ?? [];
    return sum + Number(kilobytes) * 1024;
  }, 0);
}

function tasksOf(pid: number | 'self'): string[] {
  try {
    return readdirSync(`/proc/${pid}/task`);
  } catch {
    return [];
  }
}

/** Threads and processes end at any time. */
function readOrEmpty(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
