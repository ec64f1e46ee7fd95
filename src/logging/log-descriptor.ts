import { constants, fstatSync, openSync } from 'node:fs';

const NON_BLOCKING = constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOCTTY;

/** Where log lines are written. */
export interface LogDescriptor {
  readonly fd: number;
  /** Whether a write returns at once, also where there is no room. A file's does not: its disk may be slow. */
  isNonBlocking(): boolean;
}

/**
 * Standard output, non-blocking where it can be. Whether descriptor 1 blocks is shared with other processes: each Node
 * process makes it blocking for a child, and again when it ends. So a pipe or a terminal is opened again, and what
 * cannot be opened again is made non-blocking before it is written.
 */
export function standardOutputDescriptor(): LogDescriptor {
  const stat = fstatSync(1);
  if (stat.isFile()) return { fd: 1, isNonBlocking: () => false };
  const fd = openedAgain(1);
  if (fd !== undefined) return { fd, isNonBlocking: () => true };
  return { fd: 1, isNonBlocking: () => !stat.isCharacterDevice() && unblock(process.stdout) };
}

/** @returns undefined for a socket, without `/proc`, and where another user has opened the pipe */
function openedAgain(fd: number): number | undefined {
  try {
    return openSync(`/proc/self/fd/${fd}`, NON_BLOCKING);
  } catch {
    return undefined;
  }
}

/** Undocumented; without it, lines are written on the pool. @returns whether the stream's descriptor does not block now */
function unblock(stream: object): boolean {
  const { _handle } = stream as { _handle?: { setBlocking?(isBlocking: boolean): number } | null };
  return _handle?.setBlocking?.(false) === 0;
}
