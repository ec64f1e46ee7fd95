import { execFileSync } from 'node:child_process';

export interface RunningProcess {
  readonly pid: number;
  readonly ppid: number;
  readonly group: number;
  readonly command: string;
}

/** Every process that has not ended. */
export function processes(): RunningProcess[] {
  return execFileSync('ps', ['-eo', 'pid=,ppid=,pgid=,stat=,args='], { encoding: 'utf8' })
    .split('\n')
    .flatMap((line) => {
      const [, pid, ppid, group, state = 'Z', command = ''] = /^ *(\d+) +(\d+) +(\d+) +(\S+) (.*)$/.exec(line) ?? [];
      return state.startsWith('Z') ? [] : [{ pid: Number(pid), ppid: Number(ppid), group: Number(group), command }];
    });
}

/** PostgreSQL servers and initdb processes that use the folder. */
export const databaseProcessesOf = (folder: string): RunningProcess[] =>
  processes().filter(({ command }) => /postgres|initdb/.test(command) && command.includes(folder));
